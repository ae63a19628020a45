// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import type { SpooledDraft } from '../ports.ts'
import type { SpoolReader, SpoolWriter } from './spool.ts'

/**
 * Both ends of a spool without a disk, for `durability: 'memory'` (tests) and databases in memory: rows that were not stored
 * are gone with the process. Positions count drafts.
 */
export function createMemorySpool(id: string): { writer: SpoolWriter; reader: SpoolReader } {
  let first = 0
  let drafts: SpooledDraft[] = []
  const end = (): number => first + drafts.length
  const writer: SpoolWriter = {
    id,
    hasReserve: true,
    get position() {
      return end()
    },
    append(log, text, sealed) {
      const stream = parseLogName(log)?.stream
      if (!stream) throw new TypeError(`not a log name: "${log}"`)
      drafts.push({
        stream,
        log,
        text: Buffer.from(text),
        ...(sealed === undefined ? {} : { sealed: Buffer.from(sealed) }),
      })
      return end()
    },
    sync: () => Promise.resolve(),
    syncNow() {},
    restoreReserve() {},
    close() {},
  }
  const reader: SpoolReader = {
    id,
    end,
    close() {},
    read(position, limit, rowsMax) {
      const slice = drafts.slice(position - first, Math.min(limit - first, position - first + rowsMax))
      return { drafts: slice, position: position + slice.length, damage: [] }
    },
    trim(position) {
      drafts = drafts.slice(position - first)
      first = position
    },
  }
  return { writer, reader }
}
