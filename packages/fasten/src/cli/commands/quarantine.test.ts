// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, rowsOf } from '../fixtures/ask.ts'
import { openShop } from '../fixtures/shop.ts'
import { openBeside } from '../../store/sqlite/fixtures/beside.ts'

test('lists what is in quarantine and brings it home when the reason is gone', async (t) => {
  const shop = openShop(t)
  shop.refund('req-0')
  await shop.stored()
  // A trigger stands for any constraint of a database administrator that some rows violate.
  const database = openBeside(shop.path)
  database.exec(
    "CREATE TRIGGER no_mallory BEFORE INSERT ON audit_log WHEN new.actor = 'mallory' BEGIN SELECT RAISE(ABORT, 'mallory is not welcome'); END",
  )
  shop.refund('req-1', { actor: 'mallory' })
  shop.refund('req-2')
  await shop.stored()
  const at = ['-s', shop.path]
  const listed = await ask(['quarantine', 'list', ...at])
  assert.equal(listed.exitCode, 0)
  assert.match(listed.out, /mallory is not welcome/)
  assert.match(listed.err, /^2 entries under /)
  const [entry] = (await ask(['quarantine', 'list', '--json', ...at])).out.split('\n')
  assert.match((JSON.parse(entry ?? '') as { text: string }).text, /"actor":"mallory"/)
  assert.match((await ask(['doctor', '--read-only', shop.path])).out, /⚠ quarantine {4}2 entries/)
  const early = await ask(['quarantine', 'retry', ...at])
  assert.equal(early.exitCode, 1)
  assert.match(early.out, /^✗ \S+ {2}refused again: .*mallory is not welcome/m)
  database.exec('DROP TRIGGER no_mallory')
  database.close()
  const home = await ask(['quarantine', 'retry', ...at])
  assert.equal(home.exitCode, 0, home.out)
  assert.match(home.err, /^2 rows stored, no entries left in quarantine$/m)
  assert.match((await ask(['quarantine', 'list', ...at])).err, /^nothing in quarantine under /)
  assert.equal(
    rowsOf((await ask(['query', '--json', 'actor:mallory', '--stream', 'audit', ...at])).out).length,
    2,
  )
  assert.equal((await ask(['verify', '--quiet', ...at])).exitCode, 0)
})
