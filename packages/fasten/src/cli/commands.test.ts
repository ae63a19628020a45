// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, it, type TestContext } from 'node:test'
import type { Verdict } from '../core/verdict.ts'
import { nodeReader } from '../reader/adapters/node.ts'
import type { ReaderRow, Thread } from '../reader/reader.ts'
import { openShop, temporaryFolder, type Shop } from './fixtures/shop.ts'
import { runWords, type Ran } from './fixtures/world.ts'
import { openReader } from './open-reader.ts'

// Every test here runs whole command lines in this process, on stores that the real library wrote and through real readers.

it('gives the same answers from a path, a DSN, the environment and a URL', async (t) => {
  const shop = openShop(t)
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

it('tells the story of a request, by its id and by the id of one of its rows', async (t) => {
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

it('pages through everything, oldest or newest first, and counts the same', async (t) => {
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

it('understands words as filters, and a day of text unless told otherwise', async (t) => {
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
  const { err } = await ask(['query', 'parcel', '-s', shop.path])
  assert.match(err, /text is searched in the last 24 hours/)
})

it('writes CSV that no spreadsheet and no terminal executes', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1', { target: '=cmd|calc', reason: 'red \u001b[31m alert\nsecond line' })
  await shop.stored()
  const { out } = await ask(['query', 'code:ORDER_REFUNDED', '--csv', '-s', shop.path])
  const [header = '', ...rest] = out.split('\r\n')
  assert.match(header, /^timestamp,id,log,monotonic_seq,code,/)
  assert.match(rest.join('\n'), /,'=cmd\|calc,/)
  assert.doesNotMatch(out, /\u001b/)
})

it('shows what rows try to do to a terminal, in every form', async (t) => {
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

it('verifies, and tells damage, missing evidence and a rewritten history apart by exit code', async (t) => {
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

  const database = new DatabaseSync(shop.path)
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

it('asks a URL for its token, and says how to give one', async (t) => {
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

describe('doctor', () => {
  it('follows a marked row to the store and back, and leaves the logs of others alone', async (t) => {
    const shop = openShop(t)
    shop.refund('req-1')
    await shop.stored()
    const env = { FASTEN_AUDIT_DSN: shop.dsn, FASTEN_SERVICE_ID: 'shop', FASTEN_NODE_ID: 'edge-07' }
    const { exitCode, out } = await ask(['doctor'], { env })
    assert.equal(exitCode, 0, out)
    assert.match(out, /^fasten doctor\n\n {2}✓ runtime {7}fasten /)
    assert.match(
      out,
      /^ {2}✓ emit {10}emitted in .*, durable after .*, stored after .*, read back: _\/fasten-doctor\/[^/]+\/audit#1:[0-9a-f]{8}$/m,
    )
    assert.match(out, /^\d+\/\d+ checks passed/m)
    const probes = rowsOf((await ask(['query', '--json', 'code:DOCTOR_PROBE', '-s', shop.path])).out)
    assert.deepEqual(
      probes.map((row) => [row.service_id, row.monotonic_seq, row.verification]),
      [['fasten-doctor', 1, 'verified']],
    )
    assert.equal((await ask(['verify', shop.path, '--quiet'])).exitCode, 0)
  })

  it('changes no byte with --read-only', async (t) => {
    const shop = openShop(t)
    shop.refund('req-1')
    await shop.stored()
    await shop.fasten.close()
    const before = fingerprint(shop.folder)
    const { exitCode, out } = await ask(['doctor', '--read-only', '--json', shop.path])
    assert.equal(exitCode, 0, out)
    assert.deepEqual(fingerprint(shop.folder), before)
    const { results, failures } = JSON.parse(out) as {
      results: readonly { name: string; status: string }[]
      failures: number
    }
    assert.equal(failures, 0)
    const status = Object.fromEntries(results.map((result) => [result.name, result.status]))
    assert.deepEqual(
      [status['emit'], status['fsync'], status['chain'], status['engine']],
      ['skip', 'skip', 'ok', 'ok'],
    )
  })

  it('fails on damage, on a missing store and on configuration, with a remedy and without secrets', async (t) => {
    const shop = openShop(t)
    shop.refund('req-1')
    await shop.stored()
    await shop.fasten.close()
    const database = new DatabaseSync(shop.path)
    database.exec('UPDATE audit_log SET hash = NULL WHERE monotonic_seq = 2')
    database.close()
    const damaged = await ask(['doctor', '--read-only', shop.path])
    assert.equal(damaged.exitCode, 1)
    assert.match(damaged.out, /^ {2}✗ chain {9}\d+ break.*\n {18}→ see fasten verify$/m)
    const missing = await ask(['doctor', join(shop.folder, 'nope.db')])
    assert.equal(missing.exitCode, 1)
    assert.match(missing.out, /✗ store {9}there is no database at /)
    assert.deepEqual(
      readdirSync(shop.folder).filter((name) => name.startsWith('nope')),
      [],
    )
    const misspelt = await ask(['doctor', '--read-only', shop.path], {
      env: { FASTEN_ADIT_DSN: 'x', FASTEN_LOG_LEVEL: 'loud' },
    })
    assert.match(misspelt.out, /✗ env {11}"loud" is not valid/)
    const secret = await ask(['doctor'], {
      env: { FASTEN_AUDIT_DSN: 'postgres://u:hunter2@localhost/db', FASTEN_READER_TOKEN: 'hunter3' },
    })
    assert.equal(secret.exitCode, 1)
    assert.doesNotMatch(secret.out + secret.err, /hunter/)
  })

  it('asks a running service through its reader', async (t) => {
    const shop = openShop(t)
    shop.refund('req-1')
    await shop.stored()
    const url = await serve(t, shop)
    const { exitCode, out } = await ask(['doctor', url], { env: { FASTEN_READER_TOKEN: 'sesame' } })
    assert.equal(exitCode, 0, out)
    assert.match(out, /✓ init {10}service_id=shop node_id=edge-07/)
    assert.match(out, /✓ shims {9}http: newest access .* ago, POST/)
  })
})

it('lists what is in quarantine and brings it home when the reason is gone', async (t) => {
  const shop = openShop(t)
  shop.refund('req-0')
  await shop.stored()
  // A trigger stands for any constraint of a database administrator that some rows violate.
  const database = new DatabaseSync(shop.path)
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

const catalogue = 'domain: shop\ncodes:\n  ORDER_REFUNDED: { severity: warn, description: money goes back }\n'

it('dump shows what files, patterns and FASTEN_CODES define, and never nothing in silence', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'shop.codes.yaml'), catalogue)
  writeFileSync(join(cwd, 'empty.codes.yaml'), 'domain: none\ncodes: {}\n')
  const refund = { exitCode: 0, out: 'ORDER_REFUNDED,shop,warn\n', err: '' }
  assert.deepEqual(await ask(['dump', '--catalog', '*.codes.yaml'], { cwd }), refund)
  assert.deepEqual(await ask(['dump', 'shop.codes.yaml', 'empty.codes.yaml'], { cwd }), refund)
  assert.deepEqual(await ask(['dump'], { cwd, env: { FASTEN_CODES: 'shop.codes.yaml' } }), refund)
  const none = await ask(['dump'], { cwd })
  assert.equal(none.exitCode, 1)
  assert.match(none.out, /^DOCTOR_PROBE,fasten,debug$/m)
  assert.match(
    none.err,
    /^no catalogue was loaded, these are only fasten's own codes; name yours with --catalog/,
  )
  const empty = await ask(['dump', 'empty.codes.yaml'], { cwd })
  assert.equal(empty.exitCode, 1)
  assert.match(empty.err, /empty\.codes\.yaml registered no codes/)
})

it('codes check, diff and typegen tell drift by exit code', async (t) => {
  const cwd = temporaryFolder(t)
  writeFileSync(join(cwd, 'shop.codes.yaml'), catalogue)
  writeFileSync(join(cwd, 'new.codes.yaml'), catalogue.replace('warn', 'info'))
  writeFileSync(join(cwd, 'bad.codes.yaml'), 'domain: shop\ncodes:\n  order: {}\n')
  writeFileSync(join(cwd, 'app.ts'), "fasten.emit({ code: 'ORDER_REFUNDDE', target: 'x' })\n")
  const codes = (line: string): ReturnType<typeof ask> => ask(['codes', ...line.split(' ')], { cwd })

  const drift = await codes('check shop.codes.yaml --source .')
  assert.equal(drift.exitCode, 1)
  assert.match(
    drift.out,
    /^app\.ts:1:\d+ {2}error {2}ORDER_REFUNDDE is emitted here but not defined \(did you mean "ORDER_REFUNDED"\?\)/m,
  )
  const bad = await codes('check bad.codes.yaml')
  assert.equal(bad.exitCode, 1)
  assert.match(bad.out, /^bad\.codes\.yaml:3:3 {2}error /)

  const typed = await codes('typegen shop.codes.yaml --lang ts -o codes.d.ts')
  assert.deepEqual(typed, { exitCode: 0, out: '', err: 'wrote codes.d.ts: 1 code\n' })
  assert.match(
    readFileSync(join(cwd, 'codes.d.ts'), 'utf8'),
    /interface RegisteredCodes \{\n.*\n {4}ORDER_REFUNDED: /,
  )
  const exits: Readonly<Record<string, number>> = {
    'check shop.codes.yaml': 0,
    check: 2,
    'typegen shop.codes.yaml -o codes.d.ts --check': 0,
    'typegen new.codes.yaml -o codes.d.ts --check': 1,
    'typegen bad.codes.yaml': 2,
    'typegen shop.codes.yaml -o no/such/folder.ts': 2,
    'diff shop.codes.yaml shop.codes.yaml': 0,
    'diff shop.codes.yaml new.codes.yaml': 1,
  }
  await Promise.all(
    Object.entries(exits).map(async ([line, expected]) => {
      const { exitCode, out, err } = await codes(line)
      assert.equal(exitCode, expected, `${line}: ${out}${err}`)
    }),
  )
})

function rowsOf(text: string): readonly ReaderRow[] {
  return text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as ReaderRow)
}

interface Where {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
}

/** Runs a command line with readers as the command itself opens them. */
function ask(words: readonly string[], { env = {}, cwd = process.cwd() }: Where = {}): Promise<Ran> {
  return runWords(words, { env, cwd, openReader: (target) => openReader(target, env, () => {}) })
}

/** Answers differ only in what they say of themselves: how much they recomputed. */
function comparable(text: string): string {
  return text.replaceAll(/"verification":"(?:chained|verified)"/g, '"verification":"…"')
}

/** The reader of a shop, mounted on a server of its own. */
async function serve(t: TestContext, shop: Shop): Promise<string> {
  const server = createServer(nodeReader(shop.fasten, { token: 'sesame', basePath: '/api/v1/logs' }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/logs`
}

function fingerprint(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path, createHash('sha256').update(readFileSync(path)).digest('hex')]
    }),
  )
}
