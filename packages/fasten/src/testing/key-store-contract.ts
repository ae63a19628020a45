// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { KeyStore, Tombstone } from '../store/privacy/key-store.ts'
import type { WrappedKey } from '../store/privacy/sealed.ts'

export interface KeyStorePlace {
  open(): Promise<KeyStore>
  remove(): Promise<void>
}

const subjectOf = (name: string): string => name.padEnd(32, '0')
const keyOf = (number: number, subject: string, made_at = '2026-11-26T12:00:00.000000Z'): WrappedKey => ({
  id: String(number).padStart(32, '0'),
  tenant: '',
  subject: subjectOf(subject),
  kek: '00000000000000aa',
  made_at,
  wrapped: `d3JhcHBlZCBrZXkg${number}`,
})
const graveOf = (subject: string, key_ids: readonly string[], erased_at: string): Tombstone => ({
  tenant: '',
  subjects: [subjectOf(subject)],
  key_ids,
  basis: 'GDPR Art. 17(1)(b)',
  erased_at,
})

/** What every place for wrapped data keys has to keep, and to forget. */
export function describeKeyStore(name: string, makePlace: () => Promise<KeyStorePlace>): void {
  const using = async (work: (store: KeyStore, place: KeyStorePlace) => Promise<void>): Promise<void> => {
    const place = await makePlace()
    try {
      const store = await place.open()
      await work(store, place)
    } finally {
      await place.remove()
    }
  }

  describe(`key store: ${name}`, () => {
    it('keeps keys once, and finds them by id and by subject', () =>
      using(async (store) => {
        const [ann, bob] = [keyOf(1, 'a'), keyOf(2, 'b')]
        assert.deepEqual(await store.put([ann, bob, ann]), [])
        assert.deepEqual(await store.put([ann]), [])
        assert.deepEqual(await store.get([bob.id, 'f'.repeat(32)]), [bob])
        assert.deepEqual(await store.ofSubjects([ann.subject]), [ann])
        assert.deepEqual(await store.all(), [ann, bob])
        await store.close()
      }))

    it('destroys what a tombstone names, and answers what else its subject had until then', () =>
      using(async (store) => {
        const later = '2026-11-26T14:00:00.000000Z'
        const [named, older, newer, other] = [
          keyOf(1, 'a'),
          keyOf(2, 'a'),
          keyOf(3, 'a', later),
          keyOf(4, 'b'),
        ]
        await store.put([named, older, newer, other])
        const grave = graveOf('a', [named.id], '2026-11-26T13:00:00.000000Z')
        assert.deepEqual(await store.destroy(grave), [older.id])
        assert.deepEqual(await store.all(), [older, newer, other])
        const rest = { ...grave, key_ids: [older.id] }
        for (const about of ['the rest', 'again']) assert.deepEqual(await store.destroy(rest), [], about)
        assert.deepEqual(await store.all(), [newer, other])
        assert.deepEqual(await store.tombstones(), [grave, rest])
        await store.close()
      }))

    it('takes no key back, and none that was made before its subject was erased', () =>
      using(async (store) => {
        const erased_at = '2026-11-26T13:00:00.000000Z'
        const gone = keyOf(1, 'a')
        await store.put([gone])
        await store.destroy(graveOf('a', [gone.id], erased_at))
        const unseen = keyOf(2, 'a', erased_at)
        const fresh = keyOf(3, 'a', '2026-11-26T13:00:00.000001Z')
        const refused = await store.put([gone, unseen, fresh])
        assert.deepEqual(refused.map(({ id }) => id).sort(), [gone.id, unseen.id])
        assert.ok(refused.every(({ basis }) => basis === 'GDPR Art. 17(1)(b)'))
        assert.deepEqual(await store.all(), [fresh])
        await store.close()
      }))

    it('puts a key that another tenant key wraps in the place of the old one', () =>
      using(async (store) => {
        const key = keyOf(1, 'a')
        await store.put([key])
        const again = { ...key, kek: '00000000000000bb', subject: subjectOf('c'), wrapped: 'YW5vdGhlcg==' }
        await store.replace([again])
        assert.deepEqual(await store.all(), [again])
        assert.deepEqual(await store.keks(), [again.kek])
        await store.close()
      }))

    it('answers, page by page, the keys that another tenant key wraps', () =>
      using(async (store) => {
        const kek = '00000000000000bb'
        const [one, two, three] = [keyOf(1, 'a'), keyOf(2, 'a'), keyOf(3, 'b')]
        await store.put([one, two, three, { ...keyOf(4, 'b'), kek }])
        assert.deepEqual(await store.wrappedByOthers(kek, '', 2), [one, two])
        assert.deepEqual(await store.wrappedByOthers(kek, two.id, 2), [three])
        assert.deepEqual(await store.wrappedByOthers(kek, three.id, 2), [])
        await store.close()
      }))

    it('knows all of it after it was closed and opened again', () =>
      using(async (store, place) => {
        const [kept, gone] = [keyOf(1, 'a'), keyOf(2, 'b')]
        await store.put([kept, gone])
        await store.destroy(graveOf('b', [gone.id], '2026-11-26T13:00:00.000000Z'))
        await store.close()
        const again = await place.open()
        assert.deepEqual(await again.all(), [kept])
        assert.deepEqual(
          (await again.put([gone])).map(({ id }) => id),
          [gone.id],
        )
        await again.close()
      }))
  })
}
