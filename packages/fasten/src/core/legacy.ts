// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'
import { isTokenObject, parseTokens, type TokenObject, type TokenValue } from './json-tokens.ts'
import { formatMicros, parseTime } from './timestamp.ts'

/**
 * Forms "1" and "2": how the published fasten SDKs hashed their rows. Read and verified here, never written.
 * Source: spec/canonical.md#legacy-forms.
 */

/** A row of those SDKs, read with its numbers as they were written. */
export type LegacyRow = TokenObject

/** The members that form 1 hashes; form 2 hashes `detail_commitment` where form 1 has `detail`. */
const hashedMembers = [
  'actor',
  'actor_kind',
  'action',
  'canonical_form_id',
  'category',
  'code',
  'detail',
  'domain',
  'id',
  'method',
  'monotonic_seq',
  'origin_id',
  'prev_hash',
  'request_id',
  'service_id',
  'severity',
  'shipped_at',
  'source_node_id',
  'target',
  'tenant_id',
  'timestamp',
  'wire_version',
] as const

/** One line of NDJSON, as the SDKs print it. Throws a SyntaxError when it is not one JSON object. */
export function readLegacyRow(line: string): LegacyRow {
  const row = parseTokens(line)
  if (!isTokenObject(row)) throw new SyntaxError('a row is a JSON object')
  return row
}

/** A row of their SQL table, where `detail` is JSON text. Throws a SyntaxError when that text is not JSON. */
export function legacyRowFromColumns(
  columns: Readonly<Record<string, string | number | bigint | null>>,
): LegacyRow {
  return new Map(
    Object.entries(columns).map(([name, value]): [string, TokenValue] => {
      if (name === 'detail' && typeof value === 'string') return [name, parseTokens(value)]
      return [name, typeof value === 'number' || typeof value === 'bigint' ? { token: String(value) } : value]
    }),
  )
}

/**
 * The text of a value as CPython's `json.dumps(…, sort_keys=True, separators=(',', ':'))` prints it: names by code point,
 * everything outside printable ASCII escaped, numbers as they were written.
 */
export function legacyText(value: TokenValue): string {
  if (typeof value === 'string') return legacyString(value)
  if (typeof value !== 'object' || value === null) return String(value)
  if (isTokenObject(value)) {
    const names = [...value.keys()].sort(byCodePoint)
    return `{${names.map((name) => `${legacyString(name)}:${legacyText(value.get(name) ?? null)}`).join(',')}}`
  }
  return 'token' in value ? value.token : `[${value.map(legacyText).join(',')}]`
}

/** The commitment of form 2: SHA-256 over the salt's hex text (not its bytes) and the detail's text. */
export function legacyCommitment(saltHex: string, detail: TokenValue, digest: Digest): string {
  return digest(new TextEncoder().encode(saltHex + legacyText(detail)))
}

/** A way in which some version of the SDKs came by the hash of a row. */
export type LegacyVariant =
  | 'form_1'
  /** Form 1 over the timestamps as on the wire, with their `Z`. */
  | 'form_1_wire_time'
  /** Before rows named their form: no `canonical_form_id` among the hashed members. */
  | 'before_forms'
  | 'form_2'

/** The text that was hashed under `variant`. */
export function legacyHashedText(row: LegacyRow, variant: LegacyVariant): string {
  const members = new Map<string, TokenValue>()
  for (const name of hashedMembers) members.set(name, row.get(name) ?? null)
  members.set('canonical_form_id', row.get('canonical_form_id') ?? '1')
  // Null when the row was sealed. Shipping set it afterwards, which is no change of the evidence.
  members.set('shipped_at', null)
  if (variant === 'form_2') {
    members.delete('detail')
    members.set('detail_commitment', row.get('detail_commitment') ?? null)
  }
  if (variant === 'before_forms') members.delete('canonical_form_id')
  if (variant === 'form_1' || variant === 'before_forms')
    members.set('timestamp', isoformat(row.get('timestamp') ?? null))
  return legacyText(members)
}

/** The variant under which `row` has `hash`, or undefined. A row that names no form was sealed under form 1. */
export function legacyVariantOf(row: LegacyRow, hash: string, digest: Digest): LegacyVariant | undefined {
  const variants: readonly LegacyVariant[] =
    (row.get('canonical_form_id') ?? '1') === '2'
      ? ['form_2']
      : ['form_1', 'form_1_wire_time', 'before_forms']
  return variants.find((variant) => legacyHash(row, variant, digest) === hash)
}

/** The hash of `row` under `variant`: 64 lower-case hex. */
export function legacyHash(row: LegacyRow, variant: LegacyVariant, digest: Digest): string {
  return digest(new TextEncoder().encode(legacyHashedText(row, variant)))
}

/** As Python's `datetime.isoformat()` of the same instant in UTC: six fractional digits or none. What is no time stays. */
function isoformat(time: TokenValue): TokenValue {
  const micros = typeof time === 'string' ? parseTime(time, Number.NaN) : undefined
  if (micros === undefined || !Number.isFinite(micros)) return time
  const text = formatMicros(micros).slice(0, -1)
  return `${text.endsWith('.000000') ? text.slice(0, -7) : text}+00:00`
}

const shortEscapes: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
}

function legacyString(text: string): string {
  const escaped = text.replace(
    /[^ !#-[\]-~]/g,
    (unit) => shortEscapes[unit] ?? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `"${escaped}"`
}

/** Code points, where JavaScript's own order is by UTF-16 code units: they differ above U+FFFF. */
function byCodePoint(a: string, b: string): number {
  for (let at = 0; at < a.length && at < b.length; at++) {
    // Two equal first halves of a pair: the second halves decide at the next index.
    if (a[at] !== b[at]) return (a.codePointAt(at) ?? 0) - (b.codePointAt(at) ?? 0)
  }
  return a.length - b.length
}
