// SPDX-License-Identifier: Apache-2.0
import {
  canonicalize,
  isRequestId,
  isRowId,
  leafHash,
  parseTime,
  type JsonObject,
  type Origin,
  type StreamName,
} from 'fasten/core'
import { sha256 } from 'fasten/store'
import type { ArrivingRow } from '../arriving-row.ts'
import type { RefusedRow } from '../seal-arrivals.ts'
import type { Chains } from './chains.ts'
import { mapPublishedRows } from './map-published-rows.ts'
import { originOf, type MappedRows } from './mapped-rows.ts'
import { numberOf, plainObject, textOf, type Tokens } from './read-tokens.ts'
import { sentOf } from './row-text.ts'

/**
 * Rows as this library's reader shows them. A leaf is canonical text, so the members that are shown give it back byte for byte: each row's hash is computed from them and
 * compared, and so is its link, where the row before it was seen. A reader may hold rows of forms 1 and 2 as well.
 */
export function mapFastenRows(
  found: readonly Tokens[],
  stream: StreamName,
  chains: Chains,
  published: Chains,
): MappedRows {
  const rows: ArrivingRow[] = []
  const refused: RefusedRow[] = []
  const own = found.filter((row) => textOf(row, 'canonical_form_id') === '3')
  for (const row of own) {
    const [log, seq, hash] = [textOf(row, 'log'), numberOf(row, 'monotonic_seq'), textOf(row, 'hash')]
    if (log !== undefined && seq !== undefined && hash !== undefined) chains.see(log, seq, hash)
  }
  for (const row of own) {
    const mapped = mapOne(row, stream, chains)
    if ('code' in mapped) refused.push(mapped)
    else rows.push(mapped)
  }
  const others = mapPublishedRows(
    found.filter((row) => !own.includes(row)),
    stream,
    published,
  )
  return { rows: [...rows, ...others.rows], refused: [...refused, ...others.refused] }
}

function mapOne(row: Tokens, stream: StreamName, chains: Chains): ArrivingRow | RefusedRow {
  const sent = sentOf(row)
  const malformed = (message: string): RefusedRow => ({ code: 'ROW_MALFORMED', message, sent })
  const shown = plainObject(row)
  const { hash, ...rest } = shown
  const leaf = without(rest, outside)
  const [id, timestamp, request_id] = [textOf(row, 'id'), textOf(row, 'timestamp'), textOf(row, 'request_id')]
  if (id === undefined || !isRowId(id)) return malformed('the row has no id')
  if (leaf['stream'] !== stream) return malformed(`a row of ${stream} was asked for`)
  if (timestamp === undefined || !isCanonicalTime(timestamp))
    return malformed('the row has no timestamp that is one')
  if (request_id === undefined || !isRequestId(request_id))
    return malformed('the row has no request_id that is one')
  const text = textOfLeaf(leaf)
  if (text === undefined) return malformed('the row has no canonical text')
  const { log, monotonic_seq: seq, prev_hash } = leaf
  let proof: Origin['proof'] = 'none'
  if (
    typeof hash === 'string' &&
    typeof log === 'string' &&
    typeof seq === 'number' &&
    typeof prev_hash === 'string'
  ) {
    const link = leafHash(encoder.encode(text), sha256) === hash ? chains.link(log, seq, prev_hash) : 'parted'
    proof = link === 'unknown' ? 'hashed' : link === 'linked' ? 'linked' : 'broken'
  }
  const members = without(leaf, ['caused_by', 'tenant_id', 'origin'])
  const { caused_by, tenant_id } = leaf
  return {
    identity: id,
    // A row that its store stored again at another place, after it lost its end, is the same row.
    content: canonicalize(without(leaf, ['log', 'monotonic_seq', 'prev_hash'])),
    tenant_id: typeof tenant_id === 'string' ? tenant_id : undefined,
    timestamp,
    request_id,
    caused_by: typeof caused_by === 'string' ? caused_by : undefined,
    origin: { proof, ...originOf(shown) },
    sent,
    isClean: true,
    members: { ...members, stream },
  }
}

const isCanonicalTime = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(text) && parseTime(text, Number.NaN) !== undefined

function textOfLeaf(leaf: JsonObject): string | undefined {
  try {
    return canonicalize(leaf)
  } catch (error) {
    // Half of a surrogate pair, or too deep: nothing that fasten wrote.
    if (error instanceof Error) return undefined
    throw error
  }
}

const without = (members: JsonObject, names: readonly string[]): JsonObject =>
  Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)))

/** What readers show beside the leaf. */
const outside = ['verification', 'duration_ms', 'disclosures', 'shipped_at', 'ingested_at']
const encoder = new TextEncoder()
