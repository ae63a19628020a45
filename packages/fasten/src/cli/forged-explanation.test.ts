// SPDX-License-Identifier: Apache-2.0
/** Somebody who can write the database and has no key makes rows vanish, and lets the log itself explain it. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { JsonObject } from '../core/row.ts'
import type { Verdict } from '../core/verdict.ts'
import { parseDsn } from '../store/dsn.ts'
import { openStore } from '../store/open.ts'
import { ask } from './fixtures/ask.ts'
import { openShop } from './fixtures/shop.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

const log = '_/shop/edge-07/audit'

async function attacked(t: TestContext, facts: JsonObject) {
  const shop = openShop(t)
  for (let index = 0; index < 4; index++) shop.refund(`req-${index}`)
  await shop.stored()
  await shop.fasten.close()
  const keys = join(shop.folder, 'auditor.keys')
  writeFileSync(keys, (await ask(['key', 'show', '--store', shop.path])).out)
  const database = openBeside(shop.path)
  database.exec(`
    INSERT INTO fasten_expired SELECT log_id, monotonic_seq, position, unhex(hash) FROM audit_log WHERE monotonic_seq = 3;
    DELETE FROM audit_log WHERE monotonic_seq = 3`)
  database.close()
  const store = await openStore({ dsn: parseDsn(shop.dsn), streams: ['audit'] })
  try {
    await store.seals?.appendOwn(log, { code: 'RETENTION_SWEPT', facts })
  } finally {
    await store.close()
  }
  const verify = async (...words: readonly string[]) => {
    const { out } = await ask(['verify', shop.path, '--key', keys, '--json', ...words])
    return (
      (JSON.parse(out) as Verdict).logs.find((each) => each.log === log) ??
      assert.fail('no verdict on the log')
    )
  }
  return { shop, verify }
}

const swept: JsonObject = { class: 'medium', count: 1, from: 3, log, policy_hash: 'ab'.repeat(32), to: 3 }

test('a row that only an unsigned sweep explains is not passed, in the whole log and in a range', async (t) => {
  const { verify } = await attacked(t, swept)
  for (const words of [
    [],
    ['--to-seq', '6', '--log', log],
    ['--from-seq', '2', '--to-seq', '4', '--log', log],
  ]) {
    const { verdict, notes, rows_expired } = await verify(...words)
    assert.deepEqual([verdict, rows_expired], ['INCOMPLETE', 1], words.join(' '))
    assert.match(notes.join(), /only explained by rows that no checkpoint covers/)
  }
})

test('a row that nothing explains fails', async (t) => {
  const { verify } = await attacked(t, { ...swept, count: 2 })
  const { verdict, breaks } = await verify()
  assert.deepEqual([verdict, breaks.map(({ from_index }) => from_index)], ['FAIL', [3]])
})

test('a kept checkpoint that is compared with nothing is never passed over', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.fasten.close()
  const put = (name: string, text: string): string => {
    writeFileSync(join(shop.folder, name), text)
    return join(shop.folder, name)
  }
  const keys = put('auditor.keys', (await ask(['key', 'show', '--store', shop.path])).out)
  const kept = (await ask(['checkpoint', '--log', log, '--store', shop.path])).out
  const words = ['verify', shop.path, '--key', keys, '--log', log, '--checkpoint']
  assert.equal((await ask([...words, put('kept', kept)])).exitCode, 0)
  const mailed = await ask([...words, put('mailed', kept.replaceAll('\n', '\r\n'))])
  assert.deepEqual([mailed.exitCode, /holds no checkpoint/.test(mailed.err)], [2, true])
  // Signed by somebody whom nobody here knows: another id, so that it is no line of a trusted key.
  const strange = kept.replace(
    /(— \S+ )(.)/,
    (_, head: string, one: string) => head + (one === 'A' ? 'B' : 'A'),
  )
  assert.equal((await ask([...words, put('strange', strange)])).exitCode, 4)
  assert.equal(readFileSync(join(shop.folder, 'kept'), 'utf8'), kept)
})
