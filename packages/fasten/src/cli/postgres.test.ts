// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { runWithContext } from '../capture/context.ts'
import { createAgents } from '../capture/shims/agents/agents.ts'
import { formatMicros, parseTime } from '../core/timestamp.ts'
import { openStore } from '../store/open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../store/platform.ts'
import type { SpooledDraft } from '../store/ports.ts'
import { startPostgres } from '../store/postgres/fixtures/server.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { spooled } from '../testing/store-contract.ts'
import { ask, rowsOf } from './fixtures/ask.ts'
import { emitRows, newShop, openShop as openGifts } from './fixtures/gift-shop.ts'
import { openShop, temporaryFolder } from './fixtures/shop.ts'
import { printed, start } from './fixtures/spawn.ts'
import { placesOf } from './places.ts'
import { existingSigning, signNow } from './signing.ts'

const server = await startPostgres()
after(() => server.remove())

// The right password, which is in every DSN here, must never be printed.
const isDiscreet = (text: string): boolean => !/correct(?:%20| )horse/.test(text)

test('every command that reads answers from a Postgres DSN as it does from a file', async (t) => {
  const url = await server.freshDatabase()
  const [shop, twin] = [openShop(t, undefined, url), openShop(t)]
  for (const id of ['req-1', 'req-2']) for (const each of [shop, twin]) each.refund(id)
  await Promise.all([shop.stored(), twin.stored()])
  for (const words of [
    ['query', 'actor:alice'],
    ['query', '--order', 'oldest', '-n', '3', '--json'],
    ['query', '--count'],
    ['thread', 'req-2'],
    ['verify'],
    ['topology', '--json'],
  ]) {
    const answers = await Promise.all([
      ask([...words, '--store', shop.dsn]),
      ask(words, { env: { FASTEN_AUDIT_DSN: shop.dsn, FASTEN_SYS_DSN: shop.dsn, FASTEN_API_DSN: shop.dsn } }),
      ask([...words, '--store', twin.dsn]),
    ])
    const [named, fromEnvironment, file] = answers
    assert.deepEqual([named.exitCode, named.err], [file.exitCode, file.err], words.join(' '))
    assert.equal(shape(named.out), shape(file.out), words.join(' '))
    assert.equal(shape(fromEnvironment.out), shape(file.out), words.join(' '))
    for (const { out, err } of answers) assert.ok(isDiscreet(out + err), words.join(' '))
  }
})

test('what agents did and cost is read from a Postgres DSN', async (t) => {
  const shop = openShop(t, undefined, await server.freshDatabase())
  const { agent, recorder, tool } = createAgents({ fasten: shop.fasten })
  agent('planner', () => {
    recorder.startModel({ model: 'm' }).succeeded({ usage: { input: 3, output: 4 } })
    runWithContext(
      { request_id: 'req-1' },
      tool('look', () => 1),
    )
  })
  await shop.stored()
  const tree = await ask(['agents', 'tree', 'req-1', '--store', shop.dsn])
  assert.match(tree.out, /^request req-1\n\nagent\n {2}tool look/)
  const cost = await ask(['agents', 'cost', '--store', shop.dsn, '--json'])
  assert.match(
    cost.out,
    /"key":"planner","calls":1,"failures":0,"input_tokens":3,"cached_tokens":0,"output_tokens":4/,
  )
})

test('doctor looks at the server, follows a probe, and says what is wrong with words of its own', async (t) => {
  const folder = temporaryFolder(t)
  const url = await server.freshDatabase()
  const env = { FASTEN_AUDIT_DSN: url, FASTEN_SPOOL_DIR: folder, FASTEN_KEY_DIR: folder }
  const empty = await ask(['doctor', '--read-only', '--json'], { env })
  assert.ok(isDiscreet(empty.out))
  assert.match(empty.out, /STORE_EMPTY|no row|does not hold/)
  const well = await ask(['doctor', '--emit', '--json'], { env })
  const { results } = JSON.parse(well.out) as { results: { name: string; status: string; message: string }[] }
  const said = Object.fromEntries(results.map(({ name, status, message }) => [name, `${status} ${message}`]))
  assert.match(said['emit'] ?? '', /^ok /)
  assert.match(
    said['store'] ?? '',
    /^ok postgres:\/\/postgres:\*\*\*@127\.0\.0\.1:\d+\/fasten_test_\w+: 2 rows/,
  )
  assert.match(said['engine'] ?? '', /^ok Postgres \d+/)
  assert.match(said['chain'] ?? '', /^ok /)
  assert.ok(isDiscreet(well.out))

  const wrong = new URL(url)
  wrong.password = 'wrong'
  const refused = await ask(['doctor', '--read-only'], { env: { ...env, FASTEN_AUDIT_DSN: wrong.href } })
  assert.equal(refused.exitCode, 1)
  assert.match(refused.out, /the database server refuses this user/)
  assert.match(refused.out, /pg_hba\.conf/)
})

test('tail follows a server through a cut of its connections, and tells each row once', async (t) => {
  const url = await server.freshDatabase()
  const shop = openShop(t, undefined, url)
  shop.refund('req-1')
  await shop.stored()
  const child = start(['tail', shop.dsn, '--code', 'ORDER_REFUNDED', '--json'])
  t.after(() => child.kill('SIGKILL'))
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const seen = printed(child, (text) => text.includes('req-2'))
  await once(child.stdout, 'data')
  // Every connection of the tail is cut; it comes back by itself.
  await server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, [
    new URL(url).pathname.slice(1),
  ])
  shop.refund('req-2')
  await shop.stored()
  assert.deepEqual(
    rowsOf(await seen).map((row) => row.request_id),
    ['req-1', 'req-2'],
  )
  child.kill('SIGINT')
  const [code] = (await once(child, 'close')) as [number]
  assert.equal(code, 0)
  assert.ok(isDiscreet(said))
})

test('a role that may only sweep sweeps, signs what tells of it, and is told where it may not', async () => {
  const url = await server.freshDatabase()
  const gifts = newShop(url)
  // A table for audit rows, and none for any other stream.
  const fasten = openGifts(gifts)
  emitRows(fasten, 1)
  assert.equal(await fasten.flush(60_000), true)
  await fasten.close()
  const [place] = placesOf({ kind: 'store', text: url }, gifts.env)
  const signing = place && existingSigning(place, gifts.env)
  assert.ok(place !== undefined && signing !== undefined)
  const clock = createSystemClock()
  const parts = { digest: sha256, clock, ids: createSystemIds(), signing }
  const store = await openStore({ dsn: place.dsn, streams: ['audit'] }, parts)
  const samples = createSampleDrafts()
  const timestamp = formatMicros(parseTime('2020-01-01', 0) ?? 0)
  const old = (): SpooledDraft => spooled(samples.audit({ timestamp, retention_class: 'short' }))
  const fill = async (position: bigint): Promise<void> => {
    await store.append({ spool: '00000000000000aa', position, drafts: [old(), old()] })
    await signNow({ ...place, streams: ['audit'] }, signing, { clock })
  }
  await fill(2n)
  const role = `fasten_sweeper_${randomBytes(4).toString('hex')}`
  await server.query(`CREATE ROLE ${role} LOGIN PASSWORD 'pw'`)
  try {
    assert.equal((await ask(['postgres', 'grants', url, '--sweeper', role, '--apply'])).exitCode, 0)
    const own = new URL(url)
    own.username = role
    own.password = 'pw'
    const env = { ...gifts.env, FASTEN_AUDIT_DSN: own.href }
    const swept = await ask(['retention', 'run', '--json'], { env })
    assert.deepEqual([swept.err, swept.exitCode], ['', 0], swept.out)
    assert.equal((JSON.parse(swept.out) as { rows: number }).rows, 2)
    assert.match((await ask(['verify'], { env: gifts.env })).out, /2 expired/)
    await fill(4n)
    await server.query(`REVOKE INSERT ON fasten_checkpoints FROM ${role}`, [], url)
    const unsigned = await ask(['retention', 'run', '--json'], { env })
    assert.equal((JSON.parse(unsigned.out) as { rows: number }).rows, 2)
    assert.match(unsigned.err, /^the sweep is done .* not signed yet: STORE_/)
    assert.equal(unsigned.exitCode, 1)
  } finally {
    await store.close()
    await server.dropDatabases()
    await server.query(`DROP ROLE ${role}`)
  }
})

test('an owner migrates and grants by command', async (t) => {
  const folder = temporaryFolder(t)
  const url = await server.freshDatabase()
  const env = { FASTEN_AUDIT_DSN: url, FASTEN_SPOOL_DIR: folder }
  const grants = ['postgres', 'grants', '--reader', 'pg_monitor']
  const first = await ask(grants, { env })
  assert.deepEqual([first.exitCode, first.out.includes('audit_log')], [0, false])
  const migrated = await ask(['postgres', 'migrate', url])
  assert.equal(migrated.exitCode, 0, migrated.err)
  assert.match(migrated.out, /newest, with tables for audit, sys, api$/m)
  const shown = await ask(grants, { env })
  assert.match(shown.out, /^GRANT SELECT ON "public"\."audit_log" TO "pg_monitor";$/m)
  const applied = await ask([...grants, '--apply'], { env })
  assert.deepEqual([applied.exitCode, applied.out], [0, ''])
  const [row] = await server.query(
    "SELECT has_table_privilege('pg_monitor', 'audit_log', 'SELECT') AS may",
    [],
    url,
  )
  assert.deepEqual(row, { may: true })
  const missing = await ask(['postgres', 'grants', url, '--writer', 'nobody_here', '--apply'])
  assert.match(missing.err, /^STORE_AUTH: .*nobody_here.*CREATE ROLE/)
  assert.match(
    (await ask(['postgres', 'migrate', 'sqlite:///a.db'])).err,
    /^BAD_TARGET: no Postgres database/,
  )
  assert.match((await ask(['postgres', 'grants', url])).err, /^BAD_ARGUMENT: /)
})

/** What an answer looks like when ids, times, hashes and the order of what happened in one millisecond are left out. */
function shape(text: string): string {
  return (
    text
      .replace(/evt-[0-9A-Z]{26}|\b[0-9a-f]{8,64}\b|boot-[\w-]+|lib-[0-9a-f]+/g, '#')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z|\d\d:\d\d:\d\d(\.\d+)?|\d{4}-\d\d-\d\d/g, 'T')
      .replace(
        /"(position|boot_seq|took_ms|duration_us|rows_per_second|cursor|next_cursor)":("[^"]*"|[\d.]+)/g,
        '"$1":#',
      )
      .replace(/[\d.,]+ ?(ms|s|rows\/s|µs)\b/g, '#')
      .replace(/[├└ +]+/g, ' ')
      .split('\n')
      // Signed as time passes, in one place sooner than in the other.
      .filter((line) => !/signed up to|checkpoint|^ *note|^$|the key was taken/.test(line))
      .toSorted()
      .join('\n')
  )
}

test('a pack and tiles are exported from Postgres, and pass the verifier that needs no database', async (t) => {
  const url = await server.freshDatabase()
  const shop = openShop(t, undefined, url)
  for (const id of ['req-1', 'req-2', 'req-3']) shop.refund(id)
  await shop.stored()
  await shop.fasten.close()
  const folder = temporaryFolder(t)
  const pack = join(folder, 'pack')
  const ran = await ask(['export', pack, '--store', shop.dsn])
  assert.equal(ran.exitCode, 0, ran.err)
  assert.ok(isDiscreet(ran.out + ran.err))
  const keys = readFileSync(join(pack, 'rows.jsonl'), 'utf8').matchAll(/"public_key":"([^"]*)"/g)
  const given = [...keys].flatMap(([, key = '']) => ['--key', key])
  const { status, stdout } = spawnSync(process.execPath, [join(pack, 'verify.mjs'), pack, ...given], {
    encoding: 'utf8',
  })
  assert.deepEqual([status, stdout.match(/^PASS {2}/gm)?.length], [0, 3], stdout)
  const tiles = [
    'export',
    '--tiles',
    join(folder, 'tiles'),
    '--store',
    shop.dsn,
    '--log',
    '_/shop/edge-07/audit',
  ]
  assert.equal((await ask(tiles)).exitCode, 0)
})
