// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startPostgres } from '../../store/postgres/fixtures/server.ts'
import { createSystemRandom } from '../../store/platform.ts'
import { createKeyRing } from '../../store/privacy/key-ring.ts'
import { rekey } from '../../store/privacy/rekey.ts'
import { openSqliteKeyStore } from '../../store/sqlite/key-store.ts'
import { loadSqliteDriver } from '../../store/sqlite/driver.ts'
import { ask } from '../fixtures/ask.ts'
import { emailOf, emitRows, newShop, openShop } from '../fixtures/gift-shop.ts'

const server = await startPostgres()
after(() => server.remove())

for (const [engine, place] of [
  ['SQLite', async () => undefined],
  ['Postgres', () => server.freshDatabase()],
] as const) {
  test(`${engine}: after a new key, values open without the old one, and a person is still erased`, async () => {
    const shop = newShop(await place())
    const { env } = shop
    const fasten = openShop(shop)
    emitRows(fasten, 3)
    assert.equal(await fasten.flush(60_000), true)
    await fasten.close()
    const keyFile = join(env['FASTEN_KEY_DIR'] ?? '', 'privacy.key')
    const [old = ''] = readFileSync(keyFile, 'utf8').trim().split('\n')

    const turned = await ask(['privacy', 'rekey', '--new-key', '--json'], { env })
    assert.equal(turned.exitCode, 0, turned.err)
    const { rewrapped, unopened } = JSON.parse(turned.out) as { rewrapped: number; unopened: number }
    assert.deepEqual([rewrapped, unopened], [3, 0])
    const [newest = '', second] = readFileSync(keyFile, 'utf8').trim().split('\n')
    assert.deepEqual([newest === old, second], [false, old])

    writeFileSync(keyFile, `${newest}\n`, { mode: 0o600 })
    const shown = await ask(['query', '--disclose', '--json', '--all', '--stream', 'audit'], { env })
    for (const name of ['ann', 'bob', 'eve']) assert.ok(shown.out.includes(emailOf(name)), name)
    const again = await ask(['privacy', 'rekey', '--dry-run', '--json'], { env })
    assert.equal((JSON.parse(again.out) as { rewrapped: number }).rewrapped, 0)
    const erased = await ask(['erase', 'user:bob', '--basis', 'GDPR Art. 17(1)(b)', '--yes', '--json'], {
      env,
    })
    assert.equal(erased.exitCode, 0, erased.err)
    assert.equal((JSON.parse(erased.out) as { values: number }).values, 5)
    const verified = await ask(['verify', '--json'], { env })
    assert.equal((JSON.parse(verified.out) as { verdict: string }).verdict, 'PASS')
  })
}

test('broken off between two transactions it goes on, and a key destroyed meanwhile stays destroyed', async () => {
  const random = createSystemRandom()
  const [oldKey, newKey] = [random(32), random(32)]
  const [old, ring] = [createKeyRing([oldKey], random), createKeyRing([newKey, oldKey], random)]
  const driver = await loadSqliteDriver(undefined)
  const store = openSqliteKeyStore({ path: ':memory:', driver, busyTimeoutMs: 100, mode: 'write' })
  const idOf = (index: number): string => index.toString(16).padStart(32, '0')
  await store.put(
    Array.from({ length: 10 }, (_, index) =>
      old.wrap(random(32), {
        id: idOf(index),
        tenant: 't',
        subject: `user:${index}`,
        made_at: '2026-11-26T12:00:00.000000Z',
      }),
    ),
  )
  let transactions = 0
  const failing = {
    ...store,
    async replace(keys: Parameters<typeof store.replace>[0]) {
      if (++transactions === 3) throw new Error('power is gone')
      await store.destroy({
        tenant: 't',
        subjects: [],
        key_ids: [idOf(0)],
        basis: 'x',
        erased_at: '2026-11-26T12:00:00.000000Z',
      })
      await store.replace(keys)
    },
  }
  await assert.rejects(rekey(failing, ring, { keysEach: 2 }), /power is gone/)
  assert.equal((await store.wrappedByOthers(ring.ids[0] ?? '', '', 100)).length, 6)
  assert.deepEqual(await rekey(store, ring, { keysEach: 2 }), { kek: ring.ids[0], rewrapped: 6, unopened: 0 })
  const all = await store.all()
  assert.equal(all.length, 9, 'the destroyed one is not among them')
  const alone = createKeyRing([newKey], random)
  for (const key of all) assert.equal(alone.unwrap(key)?.subject, `user:${Number.parseInt(key.id, 16)}`)
  const { rewrapped, unopened } = await rekey(store, createKeyRing([random(32)], random))
  assert.deepEqual([rewrapped, unopened], [0, 9], 'whose key is not at hand stays as it is')
  await store.close()
})
