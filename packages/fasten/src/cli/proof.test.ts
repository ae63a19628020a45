// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import type { Verdict } from '../core/verdict.ts'
import { ask } from './fixtures/ask.ts'
import { openShop } from './fixtures/shop.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

const log = '_/shop/edge-07/audit'

/** A shop that has sold and closed, with what an auditor was handed: keys and a checkpoint. */
async function audited(t: TestContext) {
  const shop = openShop(t)
  for (let index = 0; index < 4; index++) shop.refund(`req-${index}`)
  await shop.stored()
  await shop.fasten.close()
  const put = (name: string, text: string): string => {
    const path = join(shop.folder, name)
    writeFileSync(path, text)
    return path
  }
  const [keys, kept] = [
    await ask(['key', 'show', '--store', shop.path]),
    await ask(['checkpoint', '--log', log, '--store', shop.path]),
  ]
  assert.deepEqual([keys.exitCode, kept.exitCode], [0, 0])
  const spoil = (...statements: readonly string[]): void => {
    const database = openBeside(shop.path)
    for (const sql of statements) database.exec(sql)
    database.close()
  }
  return { shop, put, spoil, keys: put('auditor.keys', keys.out), kept: put('kept.txt', kept.out) }
}

const ofAudit = (out: string) =>
  (JSON.parse(out) as Verdict).logs.find((each) => each.log === log) ??
  assert.fail('no verdict on the audit log')

test('an auditor with keys and a kept checkpoint is answered by signatures', async (t) => {
  const { shop, keys, kept } = await audited(t)
  const ran = await ask(['verify', shop.path, '--key', keys, '--checkpoint', kept, '--json'])
  assert.equal(ran.exitCode, 0, ran.out)
  const { anchored_to, unanchored_rows } = ofAudit(ran.out)
  assert.deepEqual([anchored_to?.key_source, unanchored_rows], ['given', 0])
  const seen = await ask(['verify', shop.path, '--key', keys])
  assert.match(seen.out, /signed up to row \d+ by the key [0-9a-f]{8} \(given\)/)
})

test('a tail that was cut together with its checkpoints fails, by what was kept and by the memory of this machine', async (t) => {
  const { shop, keys, kept, spoil } = await audited(t)
  spoil(
    'DELETE FROM audit_log WHERE monotonic_seq >= 4',
    `UPDATE fasten_logs SET size = 4, head_hash = (SELECT hash FROM audit_log WHERE monotonic_seq = 3) WHERE log = '${log}'`,
    'DELETE FROM fasten_checkpoints',
  )
  for (const words of [['--key', keys, '--checkpoint', kept], []]) {
    const ran = await ask(['verify', shop.path, ...words, '--json'])
    assert.equal(ran.exitCode, 3)
    const [broken] = ofAudit(ran.out).breaks
    assert.deepEqual([broken?.kind, broken?.from_index], ['log_shorter_than_checkpoint', 4])
  }
})

test('a row is proven by one file, and nothing else is', async (t) => {
  const { shop, keys, put } = await audited(t)
  const out = join(shop.folder, 'refund.tlog-proof')
  const proven = await ask(['prove', `${log}#3`, '--out', out, '--store', shop.path])
  assert.equal(proven.exitCode, 0, proven.err)
  const byStream = await ask(['prove', 'audit#3', '--store', shop.path])
  assert.equal(byStream.out, readFileSync(out, 'utf8'))
  const nothing = await ask(['prove', 'audit#', '--store', shop.path])
  assert.match(nothing.err, /^BAD_ARGUMENT: "audit#" is no row; name an id, a place as in audit#8414/)
  const checked = await ask(['verify', '--proof', out, '--key', keys])
  assert.equal(checked.exitCode, 0)
  assert.match(
    checked.out,
    new RegExp(`✓ PASS row 3 with hash [0-9a-f]{16} was in ${log} when it had \\d+ rows`),
  )
  const text = readFileSync(out, 'utf8')
  const row = Buffer.from(/^extra (.*)$/m.exec(text)?.[1] ?? '', 'base64').toString()
  const forged = Buffer.from(row.replace('"severity":"', '"severity":"x')).toString('base64')
  for (const changed of [
    text.replace('index 3', 'index 2'),
    text.replace(/^extra .*$/m, `extra ${forged}`),
    text.replace('\n\n', '\n'),
  ])
    assert.equal((await ask(['verify', '--proof', put('changed', changed), '--key', keys])).exitCode, 3)
  const strange = put('strange.keys', readFileSync(keys, 'utf8').replaceAll('edge-07', 'edge-08'))
  assert.notEqual((await ask(['verify', '--proof', out, '--key', strange])).exitCode, 0)
  assert.equal((await ask(['verify', '--proof', out])).exitCode, 2, 'a proof is believed for a key only')
})

test('whoever holds the old key follows a rotation; services go on with the new one', async (t) => {
  const { shop, keys, kept } = await audited(t)
  const before = readFileSync(join(shop.folder, 'shop.db-keys', 'node.key'), 'utf8')
  const rotated = await ask(['key', 'rotate', '--store', shop.path])
  assert.equal(rotated.exitCode, 0, rotated.err)
  assert.notEqual(readFileSync(join(shop.folder, 'shop.db-keys', 'node.key'), 'utf8'), before)
  assert.ok(!existsSync(join(shop.folder, 'shop.db-keys', 'next.key')))
  const again = openShop(t, shop.folder)
  again.refund('req-9')
  await again.stored()
  await again.fasten.close()
  const ran = await ask(['verify', shop.path, '--key', keys, '--checkpoint', kept, '--json'])
  const verdict = ofAudit(ran.out)
  assert.deepEqual([ran.exitCode, verdict.unanchored_rows], [0, 0], ran.out)
  assert.match(verdict.notes.join(), /the key was rotated at row \d+/)
  assert.ok(rotated.out.includes(verdict.anchored_to?.key ?? 'no key'))
  const revoked = await ask(['key', 'rotate', '--revoke', '--store', shop.path])
  assert.equal(revoked.exitCode, 0, revoked.err)
  const told = ofAudit((await ask(['verify', shop.path, '--key', keys, '--json'])).out)
  assert.match(told.notes.join(), /was revoked at row \d+/)
})

test('a key that is named wrongly is said so, in one line', async (t) => {
  const { shop } = await audited(t)
  const ran = await ask(['verify', shop.path, '--key', 'nowhere.keys'])
  assert.deepEqual([ran.exitCode, ran.out], [2, ''])
  assert.match(ran.err, /--key "nowhere.keys" cannot be read: ENOENT/)
  const wrong = await ask(['verify', shop.path, '--key', `${log}+00000000+AAAA`])
  assert.match(wrong.err, /BAD_VERIFIER_KEY/)
})
