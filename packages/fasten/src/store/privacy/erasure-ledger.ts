// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import { syncDirectory } from '../spool/layout.ts'
import type { Tombstone } from './key-store.ts'

/**
 * The memory of erasures outside of every database: when an older copy of one is put back, this is what knows. One JSON text per
 * line, only ever appended to; it names pseudonyms and key ids, so it may be kept for as long as backups are.
 */
export interface ErasureLedger {
  /** All tombstones, oldest first; empty when nothing was ever erased. */
  read(): readonly Tombstone[]
  /** Durable when it returns. */
  add(tombstone: Tombstone): void
}

/** Throws FastenError `ERASURE_LEDGER`, from both methods: who cannot read it may not serve, who cannot write it may not erase. */
export function openErasureLedger(path: string): ErasureLedger {
  const failed = (doing: string, cause: unknown): FastenError =>
    new FastenError(
      'ERASURE_LEDGER',
      `the ledger of erasures cannot be ${doing}: ${systemCode(cause) ?? String(cause)}`,
      {
        at: path,
        hint: 'give this user access to the file; without it an erasure could be undone by a backup',
        cause,
      },
    )
  return {
    read() {
      let text: string
      try {
        text = readFileSync(path, 'utf8')
      } catch (cause) {
        if (systemCode(cause) === 'ENOENT' || systemCode(cause) === 'ENOTDIR') return []
        throw failed('read', cause)
      }
      // A line without its end was never acknowledged: the erasure it would tell of has not begun.
      const lines = text.slice(0, text.lastIndexOf('\n') + 1).split('\n')
      return lines.filter((line) => line !== '').map((line) => parsed(line, failed))
    },
    add(tombstone) {
      try {
        mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
        const handle = openSync(path, 'a+', 0o600)
        try {
          const there = readFileSync(handle)
          // What a full disk or a crash left of a line was never acknowledged; the next line must not be joined to it.
          const end = there.lastIndexOf(0x0a) + 1
          if (end < there.length) ftruncateSync(handle, end)
          writeFileSync(handle, `${JSON.stringify(tombstone)}\n`)
          fsyncSync(handle)
        } finally {
          closeSync(handle)
        }
        syncDirectory(dirname(path))
      } catch (cause) {
        throw failed('written', cause)
      }
    },
  }
}

function parsed(line: string, failed: (doing: string, cause: unknown) => FastenError): Tombstone {
  try {
    const value = readJson(line) as Tombstone
    if (Array.isArray(value.key_ids) && Array.isArray(value.subjects)) return value
  } catch (cause) {
    throw failed('read', cause)
  }
  throw failed('read', `"${line.slice(0, 40)}…" is no tombstone`)
}
