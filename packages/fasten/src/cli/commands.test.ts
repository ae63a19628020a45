// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verdict } from '../core/verdict.ts'
import type { Thread } from '../reader/reader.ts'
import { ask, rowsOf, serve } from './fixtures/ask.ts'
import { openShop } from './fixtures/shop.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'

// Every test here runs whole command lines in this process, on stores that the real library wrote and through real readers.

test('gives the same answers from a path, a DSN, the environment and a URL', async (t) => {
  // Unsigned: ten seconds after a row its log would be signed, and who reads the file knows the key that a URL does not give away.
  const shop = openShop(t, undefined, undefined, { signing: false })
  for (const id of ['req-1', 'req-2', 'req-3']) shop.refund(id)
  await shop.stored()
  const url = await serve(t, shop)
  const secret = { FASTEN_READER_TOKEN: 'sesame' }
  for (const words of [
    ['query', '--json', 'actor:alice'],
    ['query', '--json', '--order', 'oldest', '-n', '5'],
    ['query', '--count'],
    ['thread', 'req-2', '--json'],
    ['verify', '--json'],
    ['topology', '--json'],
  ]) {
    const answers = await Promise.all([
      ask([...words, '--store', shop.path]),
      ask([...words, '--store', shop.dsn]),
      ask(words, { env: { FASTEN_AUDIT_DSN: shop.dsn } }),
      ask([...words, '--url', url], { env: secret }),
    ])
    const [first] = answers
    assert.equal(first?.exitCode, 0, first?.err)
    assert.ok(first && first.out.length > 10)
    for (const answer of answers)
      assert.deepEqual([answer.exitCode, comparable(answer.out)], [0, comparable(first.out)], words.join(' '))
  }
})

test('tells the story of a request, by its id and by the id of one of its rows', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  shop.refund('req-2')
  await shop.stored()
  const { exitCode, out } = await ask(['thread', 'req-2', shop.path])
  assert.equal(exitCode, 0)
  assert.match(out, /^request req-2 {2}\d{4}-/)
  assert.match(out, /^2 audit rows, 1 sys row, 1 api row {2}from store$/m)
  const lines = out.split('\n').filter((line) => line.trimStart().startsWith('+'))
  assert.deepEqual(
    lines.map((line) => / (ORDER_REFUNDED|LEDGER_BOOKED|refund_requested|POST)/.exec(line)?.[1]),
    ['POST', 'refund_requested', 'ORDER_REFUNDED', 'LEDGER_BOOKED'],
  )
  const thread = JSON.parse((await ask(['thread', 'req-2', '--json', '-s', shop.path])).out) as Thread
  const byRow = await ask(['thread', thread.rows[1]?.id ?? '', '-s', shop.path])
  assert.equal(byRow.out, out)
  const none = await ask(['thread', 'nobody', shop.path])
  assert.deepEqual([none.exitCode, none.out], [1, ''])
  assert.match(none.err, /^no rows under nobody;/)
})

test('pages through everything, oldest or newest first, and counts the same', async (t) => {
  const shop = openShop(t)
  for (let index = 0; index < 600; index++) shop.refund(`req-${index}`)
  await shop.stored()
  const all = rowsOf((await ask(['query', '--all', '--json', '--store', shop.path])).out)
  assert.equal(all.length, 4 * 600 + 3)
  assert.equal(new Set(all.map((row) => row.id)).size, all.length)
  assert.deepEqual(
    all.map((row) => row.timestamp),
    all
      .map((row) => row.timestamp)
      .sort()
      .reverse(),
  )
  const oldest = rowsOf(
    (await ask(['query', '--all', '--json', '--order', 'oldest', '--stream', 'audit', '-s', shop.path])).out,
  )
  assert.deepEqual(
    oldest.map((row) => row.timestamp),
    oldest.map((row) => row.timestamp).sort(),
  )
  const counted = await ask(['query', '--count', '-s', shop.path])
  assert.equal(counted.out, 'audit 1201\nsys 601\napi 601\n')
  const first = await ask(['query', '--stream', 'audit', '--json', '-n', '7', '-s', shop.path])
  const cursor = /--cursor (\S+)/.exec(first.err)?.[1] ?? ''
  const second = await ask([
    'query',
    '--stream',
    'audit',
    '--json',
    '-n',
    '7',
    '--cursor',
    cursor,
    '-s',
    shop.path,
  ])
  const both = [...rowsOf(first.out), ...rowsOf(second.out)].map((row) => row.id)
  assert.deepEqual(
    both,
    rowsOf((await ask(['query', '--stream', 'audit', '--json', '-n', '14', '-s', shop.path])).out).map(
      (row) => row.id,
    ),
  )
})

test('understands words as filters, and a day of text unless told otherwise', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1', { reason: 'parcel lost' })
  shop.refund('4f1c2a9be07d', { actor: 'bob' })
  await shop.stored()
  const ids = async (...words: string[]): Promise<readonly string[]> => [
    ...new Set(
      rowsOf((await ask(['query', '--json', ...words, '-s', shop.path])).out).map((row) => row.request_id),
    ),
  ]
  assert.deepEqual(await ids('4f1c2a9be07d'), ['4f1c2a9be07d'])
  assert.deepEqual(await ids('parcel', 'lost'), ['req-1'])
  assert.deepEqual(await ids('code:ORDER_*', 'actor:bob'), ['4f1c2a9be07d'])
  assert.deepEqual(await ids('--since', '-1h', '--until', '-30m'), [])
  assert.deepEqual(await ids('code:ORDER_*', '-actor:bob'), ['req-1'])
  assert.deepEqual(await ids('--stream', 'audit', '--not', 'code:LOG_*', '-request_id:req-1', 'code:*'), [
    '4f1c2a9be07d',
  ])
  const wrong = await ask(['query', '-since:-2h', '-s', shop.path])
  assert.equal(wrong.exitCode, 2)
  assert.match(
    wrong.err,
    /--not: not "since:-2h" is no field:value that can be left out; fields are request_id/,
  )
  const { err } = await ask(['query', 'parcel', '-s', shop.path])
  assert.match(err, /text is searched in the last 24 hours/)
})

test('writes CSV that no spreadsheet and no terminal executes', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1', { target: '=cmd|calc', reason: 'red \u001b[31m alert\nsecond line' })
  await shop.stored()
  const { out } = await ask(['query', 'code:ORDER_REFUNDED', '--csv', '-s', shop.path])
  const [header = '', ...rest] = out.split('\r\n')
  assert.match(header, /^timestamp,id,log,monotonic_seq,code,/)
  assert.match(rest.join('\n'), /,'=cmd\|calc,/)
  assert.doesNotMatch(out, /\u001b/)
})

test('shows what rows try to do to a terminal, in every form', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1', { target: 'a\u202etxt\u001b[2J', reason: '\u009b31m\u0007\r\nreq=forged' })
  await shop.stored()
  for (const words of [
    ['query'],
    ['query', '--json'],
    ['query', '--csv', '--stream', 'audit'],
    ['thread', 'req-1'],
  ]) {
    const { out } = await ask([...words, '-s', shop.path])
    assert.ok(out.length > 0)
    assert.doesNotMatch(
      out.replaceAll('\r\n', '\n'),
      /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e]/u,
      words.join(' '),
    )
  }
})

test('verifies, and tells damage, missing evidence and a rewritten history apart by exit code', async (t) => {
  const shop = openShop(t)
  for (let index = 0; index < 5; index++) shop.refund(`req-${index}`)
  await shop.stored()
  const [row] = rowsOf(
    (await ask(['query', '--json', 'request_id:req-2', 'code:ORDER_REFUNDED', '-s', shop.path])).out,
  )
  assert.ok(row?.hash)
  const cited = `${row.log}#${row.monotonic_seq}:${row.hash}`
  await shop.fasten.close()

  const pass = await ask([
    'verify',
    shop.path,
    '--expect',
    cited,
    '--expect',
    `audit#${row.monotonic_seq}:${row.hash.slice(0, 8)}`,
  ])
  assert.equal(pass.exitCode, 0, pass.out)
  assert.match(pass.out, /✓ PASS 23 rows checked in 3 logs, 0 bad, 0 missing/)
  const other = await ask([
    'verify',
    shop.path,
    '--expect',
    `audit#${row.monotonic_seq}:${'0'.repeat(64)}`,
    '--expect',
    'audit#99:00000000',
  ])
  assert.equal(other.exitCode, 3)
  assert.match(other.out, /✗ audit#\d+:0+ {2}was expected; the stored row has [0-9a-f]{16}/)
  assert.match(other.out, /✗ audit#99:00000000 {2}was expected; no such row is stored/)
  const nothing = await ask(['verify', shop.path, '--log', '_/shop/nowhere/audit', '--quiet'])
  assert.deepEqual([nothing.exitCode, nothing.out], [4, ''])

  const database = openBeside(shop.path)
  database.prepare("UPDATE audit_log SET actor = 'mallory' WHERE monotonic_seq = ?").run(row.monotonic_seq)
  database.prepare('DELETE FROM audit_log WHERE monotonic_seq = 9').run()
  database.close()
  const fail = await ask(['verify', shop.path])
  assert.equal(fail.exitCode, 3)
  assert.match(fail.out, new RegExp(`first break +#${row.monotonic_seq} +column_mismatch`))
  assert.match(fail.out, / then +#9 +rows_missing/)
  const verdict = JSON.parse((await ask(['verify', shop.path, '--json'])).out) as Verdict
  assert.deepEqual([verdict.verdict, verdict.rows_missing], ['FAIL', 1])
  assert.match((await ask(['query', 'request_id:req-2', '-s', shop.path])).out, / {2}✗ {2}audit/)
})

test('asks a URL for its token, and says how to give one', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  const url = await serve(t, shop)
  const { exitCode, err } = await ask(['query', '--url', url, '--token', 'wrong'])
  assert.equal(exitCode, 5)
  assert.match(err, /^UNAUTHENTICATED: .*; set FASTEN_READER_TOKEN/)
  assert.doesNotMatch(err, /wrong/)
  assert.equal((await ask(['query', '--url', url, '--token', 'sesame'])).exitCode, 0)
})

/** Answers differ only in what they say of themselves: how much they recomputed. */
function comparable(text: string): string {
  return text.replaceAll(/"verification":"(?:chained|verified)"/g, '"verification":"…"')
}
