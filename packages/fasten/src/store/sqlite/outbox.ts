// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { bootOfOpenNumber, fillNumber } from '../../core/open-number.ts'
import type { OutboxPlace, OutboxRow, SpooledDraft } from '../ports.ts'
import type { SqliteConnection } from './driver.ts'

/** The outbox of one connection. Everything but `rows` and `place` belongs into a transaction that writes. */
export interface SqliteOutbox {
  place(): OutboxPlace
  rows(rowsMax: number): readonly OutboxRow[]
  /** Takes rows out. False when one of them is not there any more: somebody else has moved it, and the transaction must not commit. */
  take(keys: readonly string[]): boolean
  /** Gives numbers for one transaction. */
  startNumbering(): Numbering
}

export interface Numbering {
  /** The draft with the next number of its process. Throws `DRAFT_MALFORMED` when it names none. */
  number(draft: SpooledDraft): SpooledDraft
  /** Records how far the numbers went. */
  save(): void
}

export function prepareOutbox(connection: SqliteConnection): SqliteOutbox {
  const rows = connection.prepare('SELECT key, frame FROM fasten_outbox ORDER BY key LIMIT ?')
  const take = connection.prepare('DELETE FROM fasten_outbox WHERE key = ?')
  const next = connection.prepare('SELECT next_seq FROM fasten_outbox_boots WHERE boot_id = ?')
  const save = connection.prepare(`
    INSERT INTO fasten_outbox_boots (boot_id, next_seq) VALUES (?, ?)
    ON CONFLICT (boot_id) DO UPDATE SET next_seq = excluded.next_seq`)
  const storeID = connection.prepare("SELECT value FROM fasten_meta WHERE key = 'store_id'")
  return {
    place: () => ({ store_id: String(storeID.get()?.['value'] ?? ''), table: 'fasten_outbox' }),
    rows: (rowsMax) =>
      rows.all(rowsMax).map(({ key, frame }) => ({ key: String(key), frame: frame as Uint8Array })),
    take: (keys) => keys.every((key) => take.run(key) === 1),
    startNumbering() {
      const nextSeqs = new Map<string, number>()
      return {
        number(draft) {
          const boot_id = bootOfOpenNumber(draft.text)
          if (boot_id === undefined)
            throw new FastenError('DRAFT_MALFORMED', 'the draft names no process to count it with', {
              at: draft.log,
            })
          const boot_seq = nextSeqs.get(boot_id) ?? Number(next.get(boot_id)?.['next_seq'] ?? 0)
          nextSeqs.set(boot_id, boot_seq + 1)
          return { ...draft, text: fillNumber(draft.text, boot_seq) }
        },
        save() {
          for (const [boot_id, seq] of nextSeqs) save.run(boot_id, seq)
        },
      }
    },
  }
}
