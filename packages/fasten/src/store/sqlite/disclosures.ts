// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { OwnRow } from '../own-rows.ts'
import type { SpooledDraft } from '../ports.ts'
import { erasedRow, erasureFacts, type ErasedValue } from '../privacy/erasure-facts.ts'
import type { RefusedKey } from '../privacy/key-store.ts'
import { decodeSealed } from '../privacy/sealed.ts'
import type { SqliteConnection } from './driver.ts'

/** The statements that a batch with personal values needs. */
export function prepareDisclosures(connection: SqliteConnection) {
  return {
    insert: connection.prepare(
      'INSERT INTO fasten_disclosures (position, pointer, key_id, lookup, box) VALUES (?, ?, ?, ?, ?)',
    ),
    erasedKey: connection.prepare(
      'SELECT subject, basis, erased_at FROM fasten_erased_keys WHERE key_id = ?',
    ),
    bury: connection.prepare('INSERT OR IGNORE INTO fasten_erased_keys VALUES (?, ?, ?, ?)'),
  }
}

export type DisclosureStatements = ReturnType<typeof prepareDisclosures>

/**
 * Puts the personal values of rows beside them, in the transaction that stores the rows. Values under a key that was destroyed,
 * or that may not be kept because its subject was erased meanwhile, are not stored: `ownRows` answers the rows that say so.
 */
export function startDisclosing(statements: DisclosureStatements, refused: readonly RefusedKey[]) {
  const graves = new Map<string, RefusedKey | null>(refused.map((key) => [key.id, key]))
  const late = new Map<
    string,
    { readonly log: string; readonly grave: RefusedKey; readonly values: ErasedValue[] }
  >()

  function graveOf(id: string): RefusedKey | null {
    const known = graves.get(id)
    if (known !== undefined) return known
    const found = statements.erasedKey.get(id)
    const grave =
      found === undefined
        ? null
        : {
            id,
            subject: String(found['subject']),
            basis: String(found['basis']),
            erased_at: String(found['erased_at']),
          }
    graves.set(id, grave)
    return grave
  }

  return {
    keep(draft: SpooledDraft, position: number, log: string, monotonic_seq: number): void {
      if (draft.sealed === undefined) return
      const sealed = decodeSealed(draft.sealed)
      if (sealed === undefined) {
        throw new FastenError('DRAFT_MALFORMED', 'what is sealed beside the draft cannot be read', {
          at: draft.log,
        })
      }
      for (const { pointer, key, lookup, box } of sealed.values) {
        const grave = graveOf(key)
        if (grave === null) {
          statements.insert.run(position, pointer, key, lookup ?? null, Buffer.from(box, 'base64'))
          continue
        }
        statements.insert.run(position, pointer, key, null, null)
        const name = `${draft.log} ${grave.subject}`
        const entry = late.get(name) ?? { log, grave, values: [] }
        late.set(name, entry)
        entry.values.push({ monotonic_seq, key_id: key })
      }
    },
    /** Logs (generation 1) with the rows that account for what was not stored. */
    ownRows(baseOf: (log: string) => string): readonly (readonly [base: string, own: OwnRow])[] {
      for (const { id, subject, basis, erased_at } of refused)
        statements.bury.run(id, subject, basis, erased_at)
      return [...late.values()].flatMap(({ log, grave, values }) =>
        erasureFacts(log, grave, values).map(
          (facts) => [baseOf(log), erasedRow(grave.subject, facts)] as const,
        ),
      )
    },
  }
}
