// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import {
  cosign,
  genesis,
  leafBytesMax,
  parseNote,
  signatureLine,
  type Clock,
  type NoteSigner,
  type TrustedCheckpoint,
} from 'fasten/core'
import { formatMicros } from 'fasten/core'
import type { HeldReplica, PlacedRow, Replica } from 'fasten/store/replica'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { createRowReader, type ReadLine } from './read-ahead.ts'
import { Refused } from './section.ts'

export interface StoreRowsDeps {
  readonly database: Pick<FleetDatabase, 'transact'>
  readonly replica: Replica
  readonly fasten: Fasten
  /** The fleet's own key, kind 4. */
  readonly witness: NoteSigner
  readonly clock: Clock
}

/** Lines of one log that follow each other, in memory. */
export interface RowsToStore {
  readonly log: string
  readonly node_id: string
  /** Number of the first line's row. */
  readonly from: number
  readonly lines: readonly ReadLine[]
  /** False for the rows that follow others of the same section. */
  readonly isFirst: boolean
  /** To be judged with these rows. Its size is at most `from` and the lines. */
  readonly checkpoint?: TrustedCheckpoint | undefined
}

/** Where the log stands after the commit. */
export interface StoredRows {
  readonly size: number
  readonly signed_size: number
  readonly cosignature: string | undefined
  /** Rows that are new. */
  readonly stored: number
  /** What keeps the rows behind `size` from being stored. */
  readonly refused: Refused | undefined
}

/**
 * Checks rows and checkpoint against what is stored, under the lock of the log's head, and stores what holds: rows, head, tree, checkpoint,
 * cosignature and the fleet's row about it become true together. When this resolves, they are durable. Rows up to the first at
 * fault are stored; with a checkpoint that is at fault, none.
 *
 * Throws `Refused` for a gap, a fork among the rows or of the checkpoint, with nothing stored, and the driver's errors.
 */
export async function storeRows(deps: StoreRowsDeps, rows: RowsToStore): Promise<StoredRows> {
  return deps.database.transact(async (sql) => {
    await sql.query(limits)
    const held = await deps.replica.hold(sql, rows.log)
    const { placed, refused } = await judge(held, rows)
    held.place(placed)
    const { checkpoint } = rows
    const newest = await held.checkpoint()
    const signed = newest?.size ?? 0
    let cosigned = newest
    if (checkpoint !== undefined && checkpoint.size <= held.size()) {
      const tree = await held.treeAt(checkpoint.size)
      if (tree.root() !== checkpoint.root)
        throw new Refused(
          'FORK_DETECTED',
          `the rows here have another root at ${checkpoint.size} than the node signed`,
          {
            at_seq: checkpoint.size - 1,
            known: { root: tree.root(), signed: newest?.note ?? null },
          },
        )
      if (checkpoint.size > signed) {
        const micros = deps.clock.nowMicros()
        const note = cosignedNote(
          checkpoint,
          cosign(checkpoint.text, Math.floor(micros / 1_000_000), deps.witness),
        )
        cosigned = {
          log: rows.log,
          size: checkpoint.size,
          root: checkpoint.root,
          frontier: tree.frontier(),
          note,
          signed_at: formatMicros(micros),
          cosignatures: 1,
        }
        await held.put(cosigned)
        await deps.fasten.emit(sql, {
          code: 'CHECKPOINT_ACCEPTED',
          target: rows.log,
          detail: {
            node_id: rows.node_id,
            size: checkpoint.size,
            root: checkpoint.root,
            key_id: checkpoint.key.id,
          },
        })
      }
    }
    const stored = await held.finish()
    return {
      size: held.size(),
      signed_size: cosigned?.size ?? 0,
      cosignature:
        checkpoint !== undefined && cosigned?.size === checkpoint.size
          ? lineOf(cosigned.note, deps.witness)
          : undefined,
      stored,
      refused,
    }
  })
}

/** So that nobody who stopped holds a log, or waits for one, longer than a request may take. */
const limits =
  "SET LOCAL lock_timeout = '15s'; SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'"

/** The rows that are new and hold, and what is wrong with the first that does not. */
async function judge(
  held: HeldReplica,
  { log, from, lines, isFirst }: RowsToStore,
): Promise<{ readonly placed: readonly PlacedRow[]; readonly refused: Refused | undefined }> {
  const size = held.size()
  if (from > size) throw new Refused('GAP', `row ${size} comes next, not ${from}`)
  const known = await hashesAround(held, from, Math.min(size, from + lines.length))
  const read = createRowReader(log)
  const placed: PlacedRow[] = []
  const ids = new Set<string>()
  let prev_hash = known.before
  let refused: Refused | undefined
  for (const [index, ahead] of lines.entries()) {
    const seq = from + index
    const line = ahead.bytes
    const row =
      ahead.row !== undefined && ahead.prev_hash === prev_hash ? ahead.row : read(line, seq, prev_hash)
    const stored = known.from[index]
    const hash = 'hash' in row ? row.hash : undefined
    if (stored !== undefined && hash === stored) {
      prev_hash = stored
      continue
    }
    if (!('hash' in row)) {
      // Its own predecessor here is another row: the node's log parted from ours before this row.
      const isParted = row.code === 'LINK_MISMATCH' && isFirst && index === 0 && seq > 0
      const before = row.code === 'LINK_MISMATCH' ? placed.pop() : undefined
      if (isParted)
        refused = fork(
          seq,
          line,
          { head_hash: prev_hash },
          'the row names another predecessor than the one that is stored',
        )
      else if (before === undefined) refused = new Refused(row.code, row.message, { at_seq: seq, sent: line })
      // One of the two was changed, and nobody knows which: neither is stored.
      else
        refused = new Refused(
          row.code,
          `row ${seq} names another row before it than row ${before.monotonic_seq}`,
          {
            at_seq: before.monotonic_seq,
            sent: Buffer.concat(
              [lines[index - 1]?.bytes ?? '', Buffer.from('\n'), line].map((part) => Buffer.from(part)),
            ),
          },
        )
      break
    }
    if (stored !== undefined) {
      refused = fork(seq, line, { hash: stored }, 'another row is stored at this place')
      break
    }
    const id = row.content?.id
    if (id !== undefined && ids.has(id)) {
      refused = duplicate(seq, line, id)
      break
    }
    if (id !== undefined) ids.add(id)
    placed.push(row)
    prev_hash = row.hash
  }
  const taken = await held.takenIds(placed)
  const first =
    taken.size === 0 ? -1 : placed.findIndex(({ content }) => content !== null && taken.has(content.id))
  if (first < 0) return { placed, refused }
  const { monotonic_seq: seq, content } = placed[first] as PlacedRow
  return {
    placed: placed.slice(0, first),
    refused: duplicate(seq, lines[seq - from]?.bytes, content?.id ?? ''),
  }
}

async function hashesAround(
  held: HeldReplica,
  from: number,
  to: number,
): Promise<{ readonly before: string; readonly from: readonly string[] }> {
  if (from === held.size()) return { before: held.head_hash(), from: [] }
  const start = Math.max(0, from - 1)
  const hashes = await held.hashes(start, to)
  if (hashes.length !== to - start) throw new Refused('STORE_CORRUPT', 'rows of this log are missing here')
  return from === 0 ? { before: genesis, from: hashes } : { before: hashes[0] ?? '', from: hashes.slice(1) }
}

const fork = (
  at_seq: number,
  sent: Uint8Array,
  known: Readonly<Record<string, unknown>>,
  message: string,
): Refused => new Refused('FORK_DETECTED', message, { at_seq, sent, known })

const duplicate = (at_seq: number, sent: Uint8Array | undefined, id: string): Refused =>
  new Refused('ROW_DUPLICATE', `another row has the id "${id}"`, { at_seq, sent })

/** The checkpoint with the line of its log and ours. Lines that nobody here can judge are not passed on under our name. */
function cosignedNote(checkpoint: TrustedCheckpoint, line: string): string {
  const own = parseNote(checkpoint.note).signatures.filter(
    ({ name, id }) => name === checkpoint.key.name && id === checkpoint.key.id,
  )
  return `${checkpoint.text}\n${own.map((each) => signatureLine(each, each.bytes)).join('')}${line}`
}

function lineOf(note: string, { key }: NoteSigner): string | undefined {
  const own = parseNote(note).signatures.find(({ name, id }) => name === key.name && id === key.id)
  return own && signatureLine(own, own.bytes).trimEnd()
}

/** Bytes of lines that are held in memory for one transaction. */
export const chunkBytesMax = 4 * 1_048_576
/** Rows of one transaction. */
export const chunkRowsMax = 2_000
/** The longest line that is kept. */
export const lineBytesMax = leafBytesMax + 1
