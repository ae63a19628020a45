// SPDX-License-Identifier: Apache-2.0
import type { ErasureLedger } from './erasure-ledger.ts'
import type { Tombstone } from './key-store.ts'
import type { PersonalStore } from './personal-store.ts'

/**
 * Every erasure that anybody remembers holds again: the ledger, the key store and the rows may each have been put back from an
 * older copy. Whatever one of them knows, the others are told before anything is served. Answers the number of keys that had come
 * back and are destroyed again.
 */
export async function reapplyErasures(store: PersonalStore, ledger: ErasureLedger | null): Promise<number> {
  const written = ledger?.read() ?? []
  const [kept, told] = [await store.keys.tombstones(), await store.erased()]
  const all = [...written, ...kept, ...told]
  if (all.length === 0) return 0
  const known = { ledger: idsIn(written), keys: idsIn(kept), rows: idsIn(told) }
  let cameBack = 0
  for (const tombstone of all) {
    const isBack = (await store.keys.get(tombstone.key_ids)).length > 0
    if (isBack || tombstone.key_ids.some((id) => !known.keys.has(id))) {
      // Other keys of the subject stay: who erases them looks at their rows first.
      await store.keys.destroy(tombstone)
      for (const id of tombstone.key_ids) known.keys.add(id)
    }
    const values = await store.plan(tombstone.key_ids)
    if (values.length > 0 || tombstone.key_ids.some((id) => !known.rows.has(id))) {
      await store.erase(tombstone)
      for (const id of tombstone.key_ids) known.rows.add(id)
    }
    if (isBack || values.length > 0) cameBack += tombstone.key_ids.length
    if (ledger === null || tombstone.key_ids.every((id) => known.ledger.has(id))) continue
    ledger.add(tombstone)
    for (const id of tombstone.key_ids) known.ledger.add(id)
  }
  if (cameBack > 0) await store.scrub()
  return cameBack
}

const idsIn = (tombstones: readonly Tombstone[]): Set<string> =>
  new Set(tombstones.flatMap(({ key_ids }) => key_ids))
