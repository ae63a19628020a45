// SPDX-License-Identifier: Apache-2.0
import { leafBytesMax } from '../../../core/chain.ts'
import type { ColumnValue } from '../../../core/columns.ts'
import type { Digest } from '../../../core/digest.ts'
import { parseLogName, type LogParts } from '../../../core/log-name.ts'
import { readJson } from '../../../core/read-json.ts'
import { isRejection } from '../../rejection.ts'
import { createRowCells } from '../../row-cells.ts'
import { fitCells } from '../insert-rows.ts'

/** A row that has its place already: found in order by whoever made it, and to be kept byte for byte. */
export interface PlacedRow {
  readonly monotonic_seq: number
  /** 64 lower-case hex. */
  readonly hash: string
  /** Null for a row whose content has expired: its hash is all that is left. */
  readonly content: { readonly id: string; readonly cells: ColumnValue[] } | null
}

/** What keeps a leaf from lying at a place. Codes are those of spec/fleet.md. */
export interface RowFault {
  readonly code: 'ROW_TOO_LARGE' | 'ROW_MALFORMED' | 'FORM_UNKNOWN' | 'PLACE_MISMATCH' | 'LINK_MISMATCH'
  readonly message: string
}

/** Where a leaf is to lie, and the hash of the row before it, or `genesis`. */
export interface RowPlace {
  readonly monotonic_seq: number
  readonly prev_hash: string
}

/** Reads the rows of one log. Throws a TypeError for a text that is no log's name. */
export function createPlacedRows(
  log: string,
  digest: Digest,
): (leaf: Uint8Array, place: RowPlace) => PlacedRow | RowFault {
  const parts = parseLogName(log)
  if (parts === undefined) throw new TypeError(`${JSON.stringify(log)} is not the name of a log`)
  const cellsOf = createRowCells(parts.stream, { isPlaced: true })
  const scratch = new Uint8Array(leafBytesMax + 1)

  /**
   * The row of `leaf`, when it would verify at that place: canonical, of this log, its number and its predecessor as expected, and with the
   * members that every row has. It does not look at the rows around it.
   */
  return (leaf, { monotonic_seq, prev_hash }) => {
    if (leaf.length > leafBytesMax)
      return {
        code: 'ROW_TOO_LARGE',
        message: `the row has ${leaf.length} bytes, ${leafBytesMax} are allowed`,
      }
    scratch.set(leaf, 1)
    const hash = digest(scratch.subarray(0, leaf.length + 1))
    const head = { log, size: monotonic_seq, head_hash: prev_hash }
    const place = { logId: 0, table: '', parts, head, position: 0 }
    try {
      const { id, cells } = cellsOf(leaf, hash, 0, place)
      return { monotonic_seq, hash, content: { id, cells: fitCells(cells, id, place) } }
    } catch (error) {
      if (!isRejection(error)) throw error
      return (
        faultOf(leaf, log, parts, { monotonic_seq, prev_hash }) ??
        malformed(error.message.replace('the draft', 'the row'))
      )
    }
  }
}

/** What exactly is wrong with a leaf that was not as expected, when it is its place. */
function faultOf(leaf: Uint8Array, log: string, parts: LogParts, place: RowPlace): RowFault | undefined {
  const row = objectIn(leaf)
  if (row === undefined) return undefined
  if (row['canonical_form_id'] !== '3')
    return { code: 'FORM_UNKNOWN', message: `canonical_form_id is ${shown(row['canonical_form_id'])}` }
  const home = {
    log,
    monotonic_seq: place.monotonic_seq,
    stream: parts.stream,
    service_id: parts.service_id,
    source_node_id: parts.source_node_id,
    tenant_id: parts.tenant_id,
  }
  for (const [name, value] of Object.entries(home))
    if (row[name] !== value)
      return { code: 'PLACE_MISMATCH', message: `${name} is ${shown(row[name])}, not ${shown(value)}` }
  if (row['prev_hash'] !== place.prev_hash)
    return {
      code: 'LINK_MISMATCH',
      message: `prev_hash is ${shown(row['prev_hash'])}, not ${shown(place.prev_hash)}`,
    }
  return undefined
}

function objectIn(leaf: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = readJson(new TextDecoder('utf-8', { fatal: true }).decode(leaf))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Readonly<Record<string, unknown>>)
      : undefined
  } catch (error) {
    // No JSON, or no UTF-8 (which the decoder tells by a TypeError).
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

const malformed = (message: string): RowFault => ({ code: 'ROW_MALFORMED', message })

/** The sender chose it: its beginning is shown. */
function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'absent'
  return text.length > 100 ? `${text.slice(0, 100)}…` : text
}
