// SPDX-License-Identifier: Apache-2.0
import { sha256 } from 'fasten/store'
import { createPlacedRows, type PlacedRow, type RowFault } from 'fasten/store/replica'

/** A line of a section, and what could be said of it before anybody looked at the store. */
export interface ReadLine {
  /** A leaf, or `#` and a leaf hash. */
  readonly bytes: Uint8Array
  /** The row that it is if `prev_hash` is the hash of the row before it. */
  readonly row: PlacedRow | undefined
  readonly prev_hash: string | undefined
}

/** Reads a line as the row of that number behind a row with that hash. */
export type RowReader = (line: Uint8Array, seq: number, prev_hash: string) => PlacedRow | RowFault

/**
 * Reads the lines of a section as they come, each as the row behind the one before it, so that the processor works while the database still stores
 * the lines before. The first is taken at its word about its predecessor. Nothing is decided here: whoever stores the rows compares `prev_hash`
 * with what is stored, and reads a line again of which nothing could be said.
 */
export function createReadAhead(log: string, from: number): (bytes: Uint8Array) => ReadLine {
  const read = createRowReader(log)
  let seq = from
  let before: string | undefined
  let isLost = false
  return (bytes) => {
    const prev_hash = seq === from ? claimedBefore(bytes) : before
    const row = isLost ? undefined : read(bytes, seq, prev_hash ?? '')
    seq++
    if (row === undefined || !('hash' in row)) {
      isLost = true
      return { bytes, row: undefined, prev_hash: undefined }
    }
    before = row.hash
    return { bytes, row, prev_hash }
  }
}

/** Throws a TypeError for a text that is no log's name. */
export function createRowReader(log: string): RowReader {
  const read = createPlacedRows(log, sha256)
  return (line, seq, prev_hash) => {
    if (line[0] !== hashSign) return read(line, { monotonic_seq: seq, prev_hash })
    const hash = line.length === 65 ? Buffer.from(line.subarray(1)).toString('latin1') : ''
    return /^[0-9a-f]{64}$/.test(hash)
      ? { monotonic_seq: seq, hash, content: null }
      : { code: 'ROW_MALFORMED', message: 'the line is neither a row nor # and a hash' }
  }
}

const hashSign = 0x23

/** What looks like the member; where it was something else, the reading fails and is done again by whoever knows. */
function claimedBefore(leaf: Uint8Array): string | undefined {
  const text = Buffer.from(leaf.buffer, leaf.byteOffset, leaf.length).toString('latin1')
  return /"prev_hash":"(genesis|[0-9a-f]{64})"/.exec(text)?.[1]
}
