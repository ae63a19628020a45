// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { RowSource, StoredCheckpoint } from '../ports.ts'

/** Rows of one log on their way: `count` of them from number `from` on, and the newest checkpoint that they reach. */
export interface Section {
  readonly log: string
  readonly from: number
  readonly count: number
  readonly checkpoint: StoredCheckpoint | undefined
  /** One line a row, each with its newline. */
  readonly lines: readonly Uint8Array[]
  readonly bytes: number
}

/** What of a log is to be sent. */
export interface SectionOrder {
  readonly log: string
  readonly from: number
  /** Rows that the log has here. */
  readonly size: number
  /** How many of them the fleet knows to be signed: an older checkpoint is not sent. */
  readonly signedSize: number
  /** Rows only. */
  readonly isUnsigned: boolean
  readonly rowsMax: number
  /** At least one row is taken, however long. */
  readonly bytesMax: number
}

/**
 * The section of an order, or undefined when there is neither a row nor a checkpoint to send. Whole rows travel as the bytes that were hashed,
 * whatever they are: judging them is the fleet's. Of a row that has expired its hash travels. Throws FastenError `FLEET_ROWS_MISSING`
 * when nothing can be sent from `from` on, because no row lies there or one that no line can carry; rows before such a one are
 * answered first.
 */
export async function gatherSection(source: RowSource, order: SectionOrder): Promise<Section | undefined> {
  const { log, from, size, signedSize, isUnsigned, rowsMax, bytesMax } = order
  const lines: Uint8Array[] = []
  let bytes = 0
  const end = Math.min(size, from + rowsMax)
  if (from < end) {
    for await (const { monotonic_seq, leaf, hash } of source.evidence(log, from, end - 1)) {
      const line = monotonic_seq === from + lines.length ? lineOf(leaf, hash) : undefined
      if (line === undefined || (lines.length > 0 && bytes + line.length > bytesMax)) break
      lines.push(line)
      bytes += line.length
      if (lines.length === rowsMax || monotonic_seq >= end - 1) break
    }
    if (lines.length === 0) throw missing(log, from)
  }
  const reached = from + lines.length
  const [newest] =
    reached > signedSize && !isUnsigned
      ? ((await source.checkpoints?.({ log, sizeMax: reached, limit: 1 })) ?? [])
      : []
  const checkpoint = newest !== undefined && newest.size > signedSize ? newest : undefined
  if (lines.length === 0 && checkpoint === undefined) return undefined
  return { log, from, count: lines.length, checkpoint, lines, bytes }
}

/** Sections as the body of one request. Source: spec/fleet.md#rows. */
export function rowsBody(sections: readonly Section[]): Buffer {
  return Buffer.concat(
    sections.flatMap(({ log, from, count, checkpoint, lines }) => {
      const first = { log, from, count, ...(checkpoint === undefined ? {} : { checkpoint: checkpoint.note }) }
      return [Buffer.from(`${JSON.stringify(first)}\n`), ...lines]
    }),
  )
}

/** A row as a line, or undefined for one that no line can carry: it would be taken for something else. */
function lineOf(leaf: Uint8Array | null, hash: string | null): Uint8Array | undefined {
  if (leaf === null)
    return hash !== null && /^[0-9a-f]{64}$/.test(hash) ? Buffer.from(`#${hash}\n`) : undefined
  if (leaf[0] !== brace || leaf.includes(newline)) return undefined
  const line = new Uint8Array(leaf.length + 1)
  line.set(leaf)
  line[leaf.length] = newline
  return line
}

const brace = 0x7b
const newline = 0x0a

function missing(log: string, seq: number): FastenError {
  return new FastenError(
    'FLEET_ROWS_MISSING',
    `row ${seq} of ${log} is missing or damaged, so it cannot be shipped`,
    {
      at: log,
      hint: 'fasten verify names what is wrong with the log; other logs are shipped',
    },
  )
}
