// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { openCheckpoint } from '../../core/checkpoint.ts'
import type { FastenError } from '../../core/error.ts'
import { logName } from '../../core/log-name.ts'
import { createMerkleTree } from '../../core/merkle.ts'
import { parseVerifierKey } from '../../core/verifier-key.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound, evidenceOf, spooled } from '../../testing/store-contract.ts'
import { newKeyText, parseNodeKey } from '../keys/node-key.ts'
import { openSealedMemory } from '../keys/sealed-memory.ts'
import type { Signing } from '../keys/signing.ts'
import { openStore, sealingOf, type StoreTarget } from '../open.ts'
import { createSystemClock, createSystemIds, noteCrypto, sha256 } from '../platform.ts'
import type { Store } from '../ports.ts'
import { createSealer, sealRows, type Sealed, type Sealer } from './sealer.ts'
import { openBeside } from '../sqlite/fixtures/beside.ts'

let folder = ''
let target: StoreTarget
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-seal-'))
  target = {
    dsn: { kind: 'sqlite', path: join(folder, 'a.db'), isMemory: false },
    streams: ['audit', 'sys', 'api'],
  }
})
afterEach(() => rmSync(folder, { recursive: true }))

const keyText = newKeyText()
const clock = createSystemClock()
const ids = createSystemIds()

interface World {
  readonly store: Store
  readonly sealer: Sealer
  readonly failures: (FastenError | null)[]
  readonly told: Sealed[]
  /** Stores `count` audit rows. */
  emit(count: number): Promise<void>
  close(): Promise<void>
}

async function open(signing: Signing = signingOf(), heartbeatMs = 0): Promise<World> {
  const store = await openStore(target, { digest: sha256, clock, ids, signing })
  const failures: (FastenError | null)[] = []
  const told: Sealed[] = []
  const sealer = createSealer({
    ...sealingOf(target, signing, { heartbeatMs }),
    store: async () => store,
    clock,
    onFailure: (error) => failures.push(error),
    onSealed: (sealed) => told.push(...sealed),
  })
  const samples = createSampleDrafts({ boot_id: ids.randomHex(8) })
  return {
    store,
    sealer,
    failures,
    told,
    async emit(count) {
      const drafts = Array.from({ length: count }, () => spooled(samples.audit()))
      const { appended } = await store.append({ spool: '00000000000000aa', position: 1n, drafts })
      sealer.grew(appended)
    },
    async close() {
      await sealer.stop()
      await store.close()
    },
  }
}

function signingOf(text = keyText): Signing {
  const signer = parseNodeKey(text, 'test')
  return { signer: () => signer, memory: openSealedMemory(join(folder, 'sealed')) }
}

const log = logName(createSampleDrafts().audit())

async function rootOf(store: Store, size: number): Promise<string> {
  const tree = createMerkleTree(sha256)
  for (const { hash } of (await evidenceOf(store, log)).slice(0, size)) tree.append(hash ?? '')
  return tree.root()
}

async function keyOf(store: Store) {
  const [first] = await store.scan({ stream: 'audit', order: 'stored', limit: 1 })
  const detail = first?.row.stream === 'audit' ? first.row.detail : {}
  const text = detail['public_key']
  return parseVerifierKey(typeof text === 'string' ? text : '', sha256)
}

describe('sealer', () => {
  test('row 0 names the key, and checkpoints are signed with it over the rows there are', async () => {
    const world = await open()
    await world.emit(2)
    const [first] = await world.sealer.sealNow()
    await world.emit(5)
    const [second] = await world.sealer.sealNow()
    assert.deepEqual(await world.sealer.sealNow(), [], 'nothing grew')
    const key = await keyOf(world.store)
    assert.equal(key.name, log)
    for (const [sealed, size] of [
      [first, 3],
      [second, 8],
    ] as const) {
      const opened = openCheckpoint(sealed?.note ?? '', { logs: [key] }, noteCrypto)
      assert.deepEqual(
        [opened.origin, opened.size, opened.root],
        [log, size, await rootOf(world.store, size)],
      )
    }
    assert.deepEqual(
      (await world.store.checkpoints?.({ log }))?.map(({ size }) => size),
      [8, 3],
    )
    assert.deepEqual(world.failures, [])
    await assertSound(world.store)
    await world.close()
  })

  test('goes on from the stored frontier, or from the rows where that is missing, foreign or wrong', async () => {
    for (const spoil of [
      '',
      "UPDATE fasten_checkpoints SET frontier = replace(frontier, 'a', 'b')",
      'DELETE FROM fasten_checkpoints',
      "UPDATE fasten_checkpoints SET note = 'x', size = size + 1",
    ]) {
      const before = await open()
      await before.emit(6)
      await before.close()
      const database = openBeside(join(folder, 'a.db'))
      database.exec(spoil)
      database.close()
      const world = await open()
      await world.emit(3)
      const [sealed] = await world.sealer.sealNow()
      assert.equal(sealed?.root, await rootOf(world.store, sealed?.size ?? 0), spoil)
      await world.close()
      for (const name of readdirSync(folder)) rmSync(join(folder, name), { recursive: true })
    }
  })

  test('a process signs what another one stored and did not live to sign', async () => {
    const before = await open()
    await before.emit(4)
    await before.store.close()
    const world = await open()
    assert.deepEqual(
      (await world.sealer.sealNow()).map(({ size }) => size),
      [5],
    )
    await world.close()
  })

  test('two processes that write one log do not take each other for a rolled-back store', async () => {
    const [one, other] = [await open(), await open()]
    await one.emit(2)
    await other.emit(3)
    await other.sealer.sealNow()
    // The first knows of its own two rows only, and the signature covers more.
    await one.sealer.sealNow()
    await one.emit(1)
    await one.sealer.sealNow()
    assert.deepEqual([one.failures, other.failures], [[], []])
    await assertSound(one.store)
    await one.close()
    await other.close()
  })

  test('signs by itself after a thousand rows, and at the end what is left', async () => {
    const world = await open()
    await world.emit(sealRows)
    while (world.told.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(
      world.told.map(({ size }) => size),
      [sealRows + 1],
    )
    await world.emit(1)
    await world.close()
    assert.deepEqual(
      world.told.map(({ size }) => size),
      [sealRows + 1, sealRows + 2],
    )
  })

  test('a signer that fails costs no row, is told once, and is asked again', async () => {
    const real = parseNodeKey(keyText, 'test')
    let isDown = true
    const signer = {
      publicKey: real.publicKey,
      sign: async (message: Uint8Array) => {
        if (isDown) throw new Error('the vault is sealed')
        return real.sign(message)
      },
    }
    const world = await open({ ...signingOf(), signer: () => signer })
    await world.emit(2)
    await assert.rejects(world.sealer.sealNow(), { code: 'SEAL_FAILED' })
    await assert.rejects(world.sealer.sealNow(), { code: 'SEAL_FAILED' })
    await world.emit(2)
    assert.deepEqual(
      world.failures.map((error) => error?.code),
      ['SEAL_FAILED'],
    )
    isDown = false
    assert.deepEqual(
      (await world.sealer.sealNow()).map(({ size }) => size),
      [5],
    )
    assert.deepEqual(
      world.failures.map((error) => error?.code),
      ['SEAL_FAILED', undefined],
    )
    await world.close()
  })

  test('a signer that signs something else is found out before anything is kept', async () => {
    const other = parseNodeKey(newKeyText(), 'test')
    const real = parseNodeKey(keyText, 'test')
    const signer = { publicKey: real.publicKey, sign: other.sign }
    const world = await open({ ...signingOf(), signer: () => signer })
    await world.emit(2)
    await assert.rejects(world.sealer.sealNow(), { code: 'NOTE_FORGED' })
    assert.deepEqual(await world.store.checkpoints?.({ log }), [])
    await world.close()
  })

  test('nothing that contradicts an earlier signature is ever signed', async () => {
    const before = await open()
    await before.emit(6)
    await before.close()
    const database = openBeside(join(folder, 'a.db'))
    database.exec(`DELETE FROM fasten_checkpoints;
      UPDATE audit_log SET hash = replace(hash, substr(hash, 1, 1), 'f') WHERE monotonic_seq = 2`)
    database.close()
    const world = await open()
    await world.emit(1)
    await assert.rejects(world.sealer.sealNow(), { code: 'SEAL_REFUSED' })
    assert.deepEqual(await world.store.checkpoints?.({ log }), [])
    await world.close()
  })

  test('a log that was begun without a key names it in a row of its own, once', async () => {
    const store = await openStore(target)
    await store.append({
      spool: '00000000000000ab',
      position: 1n,
      drafts: [spooled(createSampleDrafts().audit())],
    })
    await store.close()
    for (let round = 0; round < 2; round++) {
      const world = await open()
      await world.emit(1)
      await world.close()
    }
    const world = await open()
    const rows = await world.store.scan({ stream: 'audit', order: 'stored', limit: 20 })
    const codes = rows.map(({ row }) => (row.stream === 'audit' ? row.code : ''))
    assert.equal(codes[2], 'KEY_DECLARED')
    assert.equal(codes.filter((code) => code === 'KEY_DECLARED').length, 1)
    await assertSound(world.store)
    await world.close()
  })

  test('a silent audit log gets a heartbeat, which is signed', async () => {
    const world = await open(signingOf(), 40)
    await world.emit(1)
    while (world.told.length < 2) await new Promise((resolve) => setTimeout(resolve, 5))
    const rows = await world.store.scan({ stream: 'audit', order: 'stored', limit: 20 })
    assert.ok(rows.some(({ row }) => row.stream === 'audit' && row.code === 'HEARTBEAT'))
    await world.close()
    await assert.doesNotReject(async () => assert.deepEqual(world.failures, []))
  })

  test('old checkpoints are thinned out to one an hour, except those that witnesses signed', async () => {
    const world = await open()
    await world.emit(1)
    const [made] = (await world.sealer.sealNow(), await world.store.checkpoints?.({ log, limit: 1 })) ?? []
    assert.ok(made)
    const at = (hour: string, size: number, cosignatures = 0) => ({
      ...made,
      size,
      signed_at: `2026-01-01T${hour}.000000Z`,
      cosignatures,
    })
    const old = [at('01:10:00', 101), at('01:20:00', 102, 1), at('01:30:00', 103), at('02:00:00', 104)]
    await world.store.seals?.put(old)
    await world.store.seals?.thin(log, '2026-01-02T00:00:00.000000Z')
    const kept = await world.store.checkpoints?.({ log })
    assert.deepEqual(
      kept?.map(({ size }) => size),
      [104, 103, 102, 2],
    )
    await world.store.close()
  })
})
