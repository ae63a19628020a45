// SPDX-License-Identifier: Apache-2.0
import type { StoredCheckpoint } from '../ports.ts'

/** What `checkpointFrom` reads of `fasten_checkpoints`. */
export const checkpointColumns = 'log, size, root, frontier, note, signed_at, cosignatures'

/** A checkpoint as it rests in `fasten_checkpoints`, in every engine. */
export function checkpointFrom(record: Readonly<Record<string, unknown>>): StoredCheckpoint {
  const frontier = String(record['frontier'])
  return {
    log: String(record['log']),
    size: Number(record['size']),
    root: String(record['root']),
    frontier: frontier === '' ? [] : frontier.split(' '),
    note: String(record['note']),
    signed_at: String(record['signed_at']),
    cosignatures: Number(record['cosignatures']),
  }
}
