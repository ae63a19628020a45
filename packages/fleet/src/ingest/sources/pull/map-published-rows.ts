// SPDX-License-Identifier: Apache-2.0
import {
  actorKinds,
  formatMicros,
  isRequestId,
  legacyCommitment,
  legacyText,
  legacyVariantOf,
  levels,
  acceptRequestId,
  parseTime,
  severities,
  type ActorKind,
  type JsonObject,
  type JsonValue,
  type Level,
  type Origin,
  type Severity,
  type StreamName,
} from 'fasten/core'
import { sha256 } from 'fasten/store'
import type { ArrivingMembers, ArrivingRow } from '../arriving-row.ts'
import type { RefusedRow } from '../seal-arrivals.ts'
import type { Chains } from './chains.ts'
import { originOf, type MappedRows } from './mapped-rows.ts'
import { numberOf, plainObject, textOf, type Tokens } from './read-tokens.ts'
import { sentOf } from './row-text.ts'

/**
 * Rows of the published SDKs, forms 1 and 2, as their readers show them. Audit rows that are sealed are hashed again, under each of the rules that those SDKs ever had, and
 * compared; their sys and api rows have neither id nor hash, so each is known by all that it says.
 */
export function mapPublishedRows(found: readonly Tokens[], stream: StreamName, chains: Chains): MappedRows {
  const rows: ArrivingRow[] = []
  const refused: RefusedRow[] = []
  if (stream === 'audit')
    for (const row of found) {
      const [seq, hash] = [numberOf(row, 'monotonic_seq'), textOf(row, 'hash')]
      if (seq === undefined || hash === undefined) continue
      for (const chain of chainsOf(row)) chains.see(chain, seq, hash)
    }
  for (const row of found) {
    const mapped = mapOne(row, stream, chains)
    if ('code' in mapped) refused.push(mapped)
    else rows.push(mapped)
  }
  return { rows, refused }
}

/** The numbers of a chain ran by service and node once, and run by node now. */
const chainsOf = (row: Tokens): readonly [ofService: string, ofNode: string] => [
  `service ${textOf(row, 'service_id') ?? ''}/${textOf(row, 'source_node_id') ?? ''}`,
  `node ${textOf(row, 'source_node_id') ?? ''}`,
]

function mapOne(row: Tokens, stream: StreamName, chains: Chains): ArrivingRow | RefusedRow {
  const sent = sentOf(row)
  const malformed = (message: string): RefusedRow => ({ code: 'ROW_MALFORMED', message, sent })
  const micros = parseTime(textOf(row, 'timestamp') ?? '', Number.NaN)
  if (micros === undefined || !Number.isFinite(micros))
    return malformed('the row has no timestamp that is one')
  const shown = plainObject(row)
  const members =
    stream === 'audit' ? auditOf(row, shown) : stream === 'sys' ? sysOf(row, shown) : apiOf(row, shown)
  if (typeof members === 'string') return malformed(members)
  const id = stream === 'audit' ? textOf(row, 'id') : undefined
  if (stream === 'audit' && (id === undefined || id.length > 256)) return malformed('the row has no id')
  const proof = stream === 'audit' ? proofOf(row, chains) : 'none'
  const all = legacyText(row)
  const said = textOf(row, 'request_id')
  return {
    identity: id ?? `${stream} ${all}`,
    content: id === undefined ? undefined : contentOf(row, proof),
    tenant_id: textOf(row, 'tenant_id'),
    timestamp: formatMicros(micros),
    // Their own sentinels are as good as ours; what is no id at all is kept beside one that is.
    ...(said === undefined || isRequestId(said) ? { request_id: said } : acceptRequestId(said)),
    origin: { proof, ...originOf(shown) },
    sent,
    members,
  }
}

/** A sealed row is what its hash says, also when its detail was redacted or it was shipped since; one whose hash does not hold is what it shows. */
function contentOf(row: Tokens, proof: Origin['proof']): string {
  const hash = textOf(row, 'hash')
  if (hash !== undefined && proof !== 'broken') return hash
  return legacyText(new Map([...row].filter(([name]) => name !== 'shipped_at')))
}

function proofOf(row: Tokens, chains: Chains): Origin['proof'] {
  const [hash, prev, seq] = [textOf(row, 'hash'), textOf(row, 'prev_hash'), numberOf(row, 'monotonic_seq')]
  if (hash === undefined || prev === undefined || seq === undefined) return 'none'
  if (!isHashed(row, hash) || !isCommitted(row)) return 'broken'
  const [ofService, ofNode] = chainsOf(row)
  const links = [chains.link(ofService, seq, prev), chains.link(ofNode, seq, prev)]
  if (links.includes('linked')) return 'linked'
  return links[0] === 'parted' ? 'broken' : 'hashed'
}

/** Their readers do not all write a time as it was hashed. */
function isHashed(row: Tokens, hash: string): boolean {
  if (legacyVariantOf(row, hash, sha256) !== undefined) return true
  const micros = parseTime(textOf(row, 'timestamp') ?? '', Number.NaN)
  if (micros === undefined || !Number.isFinite(micros)) return false
  const canonical = new Map(row).set('timestamp', formatMicros(micros))
  return legacyVariantOf(canonical, hash, sha256) !== undefined
}

/** Form 2 hashes a commitment to the detail. A detail that is gone with its salt was redacted. */
function isCommitted(row: Tokens): boolean {
  if (row.get('canonical_form_id') !== '2') return true
  const [detail, salt] = [row.get('detail') ?? null, row.get('detail_salt') ?? null]
  if (typeof salt !== 'string') return true
  return legacyCommitment(salt, detail, sha256) === row.get('detail_commitment')
}

function auditOf(row: Tokens, { detail }: JsonObject): ArrivingMembers | string {
  const code = textOf(row, 'code')
  if (code === undefined || code.length > 256) return 'the row has no code'
  return {
    stream: 'audit',
    code,
    action: textOf(row, 'action') ?? code.toLowerCase(),
    severity: oneOf<Severity>(severities, textOf(row, 'severity')) ?? 'info',
    domain: textOf(row, 'domain') ?? '',
    category: textOf(row, 'category') ?? '',
    actor: textOf(row, 'actor') ?? '',
    actor_kind: actorKind(textOf(row, 'actor_kind')),
    target: textOf(row, 'target') ?? '',
    method: textOf(row, 'method') ?? 'sdk',
    // Their rows do not say how it ended.
    outcome: 'unknown',
    retention_class: 'medium',
    detail: isObject(detail) ? detail : detail === undefined || detail === null ? {} : { value: detail },
  }
}

function sysOf(row: Tokens, shown: JsonObject): ArrivingMembers | string {
  const event = textOf(row, 'event')
  if (event === undefined) return 'the row has no event'
  const logger = textOf(row, 'logger')
  return {
    stream: 'sys',
    level: level(textOf(row, 'level')),
    event,
    ...(logger === undefined ? {} : { logger }),
    fields: Object.fromEntries(Object.entries(shown).filter(([name]) => !sysMembers.has(name))),
  }
}

const sysMembers: ReadonlySet<string> = new Set([
  'shape',
  'level',
  'event',
  'logger',
  'request_id',
  'service_id',
  'source_node_id',
  'tenant_id',
  'timestamp',
])

function apiOf(row: Tokens, shown: JsonObject): ArrivingMembers | string {
  const [method, path, status] = [textOf(row, 'method'), textOf(row, 'path'), numberOf(row, 'status')]
  if (method === undefined || path === undefined) return 'the row has no method or no path'
  if (status === undefined || !Number.isInteger(status)) return 'the row has no status'
  const duration = shown['duration_ms']
  return {
    stream: 'api',
    method,
    path,
    status,
    duration_us: typeof duration === 'number' && duration >= 0 ? Math.round(duration * 1_000) : 0,
  }
}

const isObject = (value: JsonValue | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function oneOf<T extends string>(allowed: readonly T[], text: string | undefined): T | undefined {
  return allowed.find((each) => each === text)
}

const actorKind = (text: string | undefined): ActorKind =>
  text === 'schedule' ? 'scheduler' : (oneOf<ActorKind>(actorKinds, text) ?? 'service')

function level(text: string | undefined): Level {
  if (text === 'warning') return 'warn'
  return text === 'critical' ? 'fatal' : (oneOf<Level>(levels, text?.toLowerCase()) ?? 'info')
}
