// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openCheckpoint } from '../core/checkpoint.ts'
import { logName } from '../core/log-name.ts'
import { hexOf } from '../core/octets.ts'
import { readJson } from '../core/read-json.ts'
import { verifierKey } from '../core/verifier-key.ts'
import { newKeyText, parseNodeKey } from '../store/keys/node-key.ts'
import { openSealedMemory } from '../store/keys/sealed-memory.ts'
import type { Signing } from '../store/keys/signing.ts'
import { createSystemClock, createSystemIds, noteCrypto, sha256 } from '../store/platform.ts'
import type { CheckpointStore, Store, StoredCheckpoint } from '../store/ports.ts'
import { createSealer, type Sealed } from '../store/seal/sealer.ts'
import { createSampleDrafts } from './sample-drafts.ts'
import { assertSound, evidenceOf, spooled } from './store-contract.ts'

/** One empty place for a store that keeps checkpoints. */
export interface SealPlace {
  /** A writer whose logs are signed like this. */
  open(signing: Signing): Promise<Store>
  /**
   * Does to the place what somebody could who may write all of it: the audit log is cut to its first `rows` rows, its head says so, and its
   * checkpoints are gone.
   */
  cut(rows: number, head_hash: string): Promise<void>
  /** Everything is gone, as if the database had never been. */
  wipe(): Promise<void>
  remove(): Promise<void>
}

/** What every store that keeps checkpoints promises (`CheckpointStore` in store/ports.ts), and what signing promises on it. */
export function describeSeals(name: string, makePlace: () => Promise<SealPlace>): void {
  const it = (title: string, work: (place: SealPlace, signing: Signing) => Promise<void>): void => {
    test(title, async () => {
      const place = await makePlace()
      const folder = await mkdtemp(join(tmpdir(), 'fasten-sealed-'))
      const signer = parseNodeKey(newKeyText(), 'test')
      try {
        // The memory is opened anew at each start, as another process would.
        await work(place, {
          signer: () => signer,
          get memory() {
            return openSealedMemory(folder)
          },
        })
      } finally {
        await place.remove()
        await rm(folder, { recursive: true, force: true })
      }
    })
  }

  describe(`checkpoint contract: ${name}`, () => {
    it('row 0 names the key, and what is signed is what is stored', async (place, signing) => {
      const sealed = await live(place, signing, 5)
      const store = await place.open(signing)
      const key = verifierKey(log, 'ed25519', signing.signer().publicKey, sha256)
      const opened = openCheckpoint(sealed?.note ?? '', { logs: [key] }, noteCrypto)
      assert.deepEqual([opened.origin, opened.size], [log, 6])
      const [first] = await evidenceOf(store, log)
      assert.match(Buffer.from(first?.leaf ?? []).toString(), /"public_key":"_\/gateway\/edge-1\/audit\+/)
      assert.deepEqual(
        (await store.checkpoints?.({}))?.map((each) => [each.log, each.size]),
        [[log, 6]],
      )
      await assertSound(store)
      await store.close()
    })

    it('checkpoints come back as they were put, the largest first; one with more witnesses replaces one with fewer', async (place, signing) => {
      await live(place, signing, 1)
      const store = await place.open(signing)
      const seals = sealsOf(store)
      const [made] = (await store.checkpoints?.({ log })) ?? []
      assert.ok(made)
      const other = (size: number, more: Partial<StoredCheckpoint> = {}): StoredCheckpoint => ({
        ...made,
        size,
        ...more,
      })
      await seals.put([other(7), other(9, { frontier: [] }), other(8)])
      await seals.put([other(8, { note: 'changed' }), other(7, { note: 'cosigned', cosignatures: 2 })])
      const all = (await store.checkpoints?.({ log })) ?? []
      assert.deepEqual(
        all.map(({ size, note }) => [size, note]),
        [
          [9, made.note],
          [8, made.note],
          [7, 'cosigned'],
          [2, made.note],
        ],
      )
      assert.deepEqual(all[0]?.frontier, [])
      assert.deepEqual((await store.checkpoints?.({ log, size: 8 }))?.length, 1)
      assert.deepEqual(
        (await store.checkpoints?.({ log, limit: 2 }))?.map(({ size }) => size),
        [9, 8],
      )
      assert.deepEqual(await store.checkpoints?.({ log: 'no\0log' }), [])
      await store.close()
    })

    it('old checkpoints are thinned out to one an hour, but for those that witnesses signed', async (place, signing) => {
      await live(place, signing, 1)
      const store = await place.open(signing)
      const [made] = (await store.checkpoints?.({ log })) ?? []
      assert.ok(made)
      const at = (hour: string, size: number, cosignatures = 0): StoredCheckpoint => ({
        ...made,
        size,
        signed_at: `2026-01-01T${hour}.000000Z`,
        cosignatures,
      })
      await sealsOf(store).put([
        at('01:10:00', 101),
        at('01:20:00', 102, 1),
        at('01:30:00', 103),
        at('02:00:00', 104),
      ])
      await sealsOf(store).thin(log, '2026-01-02T00:00:00.000000Z')
      assert.deepEqual(
        (await store.checkpoints?.({ log }))?.map(({ size }) => size),
        [104, 103, 102, 2],
      )
      await store.close()
    })

    it('hashes come in order and end at a hole', async (place, signing) => {
      await live(place, signing, 6)
      const store = await place.open(signing)
      const hashes = (await evidenceOf(store, log)).map(({ hash }) => hash)
      assert.deepEqual(await store.leafHashes?.(log, 0, 99), hashes)
      assert.deepEqual(await store.leafHashes?.(log, 2, 4), hashes.slice(2, 4))
      assert.deepEqual(await store.leafHashes?.('_/no/such/audit', 0, 9), [])
      await store.close()
    })

    it('what a process stored and did not live to sign is found by the next', async (place, signing) => {
      const store = await place.open(signing)
      await emit(store, 3)
      const publicKey = hexOf(signing.signer().publicKey)
      assert.deepEqual(
        (await sealsOf(store).unsealed(publicKey)).map((head) => [head.log, head.size]),
        [[log, 4]],
      )
      assert.deepEqual(await sealsOf(store).unsealed('0'.repeat(64)), [])
      await store.close()
      assert.equal((await live(place, signing, 0))?.size, 4)
      const again = await place.open(signing)
      assert.deepEqual(await sealsOf(again).unsealed(publicKey), [])
      assert.deepEqual(
        (await sealsOf(again).declaring(publicKey)).map((head) => [head.log, head.size]),
        [[log, 4]],
      )
      await again.close()
    })

    it('a row of the store’s own is appended, and the key that it names is not named again', async (place, signing) => {
      await live(place, signing, 1)
      const store = await place.open(signing)
      const next = parseNodeKey(newKeyText(), 'test')
      const own = { code: 'HEARTBEAT', facts: { interval_seconds: 1 } } as const
      const row = await sealsOf(store).appendOwn(log, own, hexOf(next.publicKey))
      assert.deepEqual([row.log, row.monotonic_seq], [log, 2])
      await store.close()
      await live(place, { signer: () => next, memory: signing.memory }, 1)
      const after = await place.open(signing)
      const leaves = (await evidenceOf(after, log)).map(({ leaf }) => Buffer.from(leaf ?? []).toString())
      assert.ok(!leaves.some((leaf) => leaf.includes('KEY_DECLARED')))
      await assertSound(after)
      await after.close()
    })

    it('over a restart, an untouched log is continued and signed on', async (place, signing) => {
      const sizes = [(await live(place, signing, 3))?.size, (await live(place, signing, 3))?.size]
      assert.deepEqual(sizes, [4, 7])
    })

    it('over a restart, a tail that was cut off makes a log that is not continued', async (place, signing) => {
      await live(place, signing, 6)
      const store = await place.open(signing)
      const hash = (await evidenceOf(store, log))[3]?.hash ?? ''
      await store.close()
      await place.cut(4, hash)
      const sealed = await live(place, signing, 2)
      assert.equal(sealed?.log, `${log}~2`)
      assert.deepEqual(await previousOf(place, signing), { log, reason: 'rolled_back', size: 7 })
    })

    it('over a restart, a store that is gone altogether is not begun again as if nothing had been', async (place, signing) => {
      await live(place, signing, 3)
      await place.wipe()
      await live(place, signing, 2)
      assert.deepEqual(await previousOf(place, signing), { log, reason: 'log_missing', size: 4 })
    })
  })
}

const log = logName(createSampleDrafts().audit())
const ids = createSystemIds()
const clock = createSystemClock()

function sealsOf({ seals }: Store): CheckpointStore {
  return seals ?? assert.fail('the store keeps no checkpoints')
}

async function emit(store: Store, count: number) {
  const samples = createSampleDrafts({ boot_id: ids.randomHex(8) })
  // A row's id is made of where it comes from and its number, so each life has numbers of its own.
  const drafts = Array.from({ length: count }, () => ({ ...samples.audit(), id: `evt-${ulid()}` }))
  return store.append({ spool: ids.randomHex(8), position: 1n, drafts: drafts.map(spooled) })
}

const ulid = (): string =>
  [...ids.randomBase32(26)].map((digit) => '0123456789ABCDEFGHJKMNPQRSTVWXYZ'[digit]).join('')

/** One life of a service on the place: stores rows, signs, and ends. Answers what it signed last. */
async function live(place: SealPlace, signing: Signing, rows: number): Promise<Sealed | undefined> {
  const store = await place.open(signing)
  const sealer = createSealer({
    store: async () => store,
    signing,
    crypto: noteCrypto,
    clock,
    tableOf: () => 'audit_log',
    heartbeatMs: 0,
    onFailure: (error) => {
      if (error !== null) throw error
    },
    onSealed: () => {},
  })
  try {
    if (rows > 0) sealer.grew((await emit(store, rows)).appended)
    return (await sealer.sealNow()).at(-1)
  } finally {
    await sealer.stop()
    await store.close()
  }
}

async function previousOf(place: SealPlace, signing: Signing): Promise<unknown> {
  const store = await place.open(signing)
  try {
    const [first] = await evidenceOf(store, `${log}~2`)
    const { detail } = readJson(Buffer.from(first?.leaf ?? []).toString() || '{}') as {
      detail: { previous_log: Record<string, unknown> }
    }
    const { log: name, reason, size } = detail.previous_log
    return { log: name, reason, size }
  } finally {
    await store.close()
  }
}
