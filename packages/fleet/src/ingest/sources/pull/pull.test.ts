// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestListener } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { nodeReader } from 'fasten/reader/node'
import { startPostgres } from '../../../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet, type TestFleet } from '../../../testing/fixtures/start-fleet.ts'
import { startNode } from '../../fixtures/real-node.ts'
import type { ShownSource } from '../list-sources.ts'
import { secretIn } from '../../../server/secret-file.ts'
import { sealingOf } from '../fixtures/sealing.ts'
import { createTokenSeal } from '../token-seal.ts'
import { runPull } from './run-pull.ts'
import { startEndpoint } from './fixtures/endpoint.ts'
import { at, createPublishedStore, publishedReader } from './fixtures/published-reader.ts'

const token = 'their-secret-token'
const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const fleet = await startFleet({ databaseUrl, env: { FLEET_PULL_PRIVATE: 'allow' } })
// A second server asks the same sources all along.
const second = await startFleet({
  databaseUrl,
  dataDir: fleet.dataDir,
  env: { FLEET_PULL_PRIVATE: 'allow', FLEET_SERVER_ID: 's2' },
})
const admin = await fleet.key('admin')
after(async () => {
  await second.close()
  await fleet.close()
  await postgres.remove()
})

async function addPull(
  url: string,
  pull: Readonly<Record<string, unknown>> = {},
  more: Readonly<Record<string, unknown>> = {},
): Promise<ShownSource> {
  const body = {
    kind: 'pull',
    name: 'gateway',
    service_id: 'gateway',
    stamp: 'acme',
    token,
    pull: { url, every_s: 1, timeout_s: 5, ...pull },
    ...more,
  }
  const answer = await fleet.ask(admin, '/api/v1/sources', { method: 'POST', body })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body as ShownSource
}

async function until(
  { source_id }: ShownSource,
  is: (source: ShownSource) => boolean,
  on: TestFleet = fleet,
): Promise<ShownSource> {
  for (const deadline = Date.now() + 60_000; ;) {
    const source = (await on.ask(admin, `/api/v1/sources/${source_id}`)).body as ShownSource
    if (is(source)) return source
    assert.ok(Date.now() < deadline, JSON.stringify(source))
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

interface SealedRow {
  readonly stream: string
  readonly origin: { readonly proof: string; readonly id?: string }
  readonly [member: string]: unknown
}

async function sealed({ source_node_id }: ShownSource): Promise<readonly SealedRow[]> {
  const found: SealedRow[] = []
  for (const table of ['audit_log', 'sys_log', 'api_log']) {
    const { rows } = await fleet.database.pool.query<{ leaf: string }>(
      `SELECT leaf FROM ${table} WHERE source_node_id = $1 AND monotonic_seq > 0 ORDER BY monotonic_seq`,
      [source_node_id],
    )
    found.push(...rows.map(({ leaf }) => JSON.parse(leaf) as SealedRow))
  }
  return found
}

async function verdictOf({ source_node_id }: ShownSource): Promise<readonly unknown[]> {
  const answer = await fleet.ask(admin, '/api/v1/verify')
  const { logs } = answer.body as {
    readonly logs: readonly { readonly log: string; readonly verdict: string }[]
  }
  return logs.filter(({ log }) => log.includes(source_node_id)).map(({ verdict }) => verdict)
}

async function evidenceOf({ source_id }: ShownSource): Promise<readonly string[]> {
  const { rows } = await fleet.database.pool.query<{ code: string }>(
    'SELECT DISTINCT code FROM fleet_evidence WHERE source_id = $1 ORDER BY code',
    [source_id],
  )
  return rows.map(({ code }) => code)
}

const proofsOf = (rows: readonly SealedRow[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...Map.groupBy(rows, ({ origin }) => origin.proof)].map(([proof, of]) => [proof, of.length]),
  )

test('a reader of ours: every row once, its links checked, and a past that changed is noticed', async () => {
  const node = startNode({ service_id: 'shop' })
  const endpoint = await startEndpoint(nodeReader(node.fasten, { token, basePath: '/logs' }))
  try {
    await node.live(510, { streams: ['audit', 'sys'] })
    const source = await addPull(endpoint.url, { streams: ['audit', 'sys'] })
    // 510 of each, and the first row of each log.
    await until(source, ({ rows }) => rows === 1_022)
    await node.live(30, { streams: ['audit', 'sys'] })
    const cause = node.fasten.emit({ code: 'DOCTOR_PROBE', target: 'cause', request_id: 'req-1' })
    node.fasten.emit({ code: 'DOCTOR_PROBE', target: 'effect', caused_by: cause.id, request_id: 'req-2' })
    await node.fasten.checkpoint(60_000)
    const done = await until(source, ({ rows }) => rows >= 1_084)
    const rows = await sealed(source)
    assert.deepEqual(
      [rows.length, new Set(rows.map(({ origin }) => origin.id)).size, done.rows_refused, done.rows_changed],
      [1_084, 1_084, 0, 0],
    )
    // The first row of a log is written when others were emitted already, so a page of the oldest may have its successor first.
    const { linked = 0, hashed = 0 } = proofsOf(rows)
    assert.deepEqual([linked + hashed, hashed < 5], [rows.length, true])
    assert.deepEqual(await verdictOf(source), ['PASS', 'PASS'])
    const [was, is] = ['cause', 'effect'].map((target) => rows.find((row) => row['target'] === target))
    assert.deepEqual(
      [was?.origin.id, is?.['caused_by'], is?.['request_id'], is?.['tenant_id']],
      [cause.id, was?.['id'], 'req-2', 'acme'],
    )

    // The endpoint is away, and comes back with a store that begins anew.
    endpoint.answer((_request, response) => void response.destroy())
    await until(source, ({ state }) => state === 'failing')
    await node.fasten.close()
    for (const name of ['rows.db', 'rows.db-wal', 'rows.db-shm', 'spool'])
      rmSync(join(node.folder, name), { recursive: true, force: true })
    const reborn = startNode({ service_id: 'shop', folder: node.folder })
    await reborn.live(3)
    endpoint.answer(nodeReader(reborn.fasten, { token, basePath: '/logs' }))
    await fleet.ask(admin, `/api/v1/sources/${source.source_id}`, {
      method: 'PATCH',
      body: { paused: false },
    })
    const changed = await until(
      source,
      ({ alarms, rows: all }) => alarms.includes('source_changed') && all >= 1_088,
    )
    assert.equal(changed.state, 'taking')
    assert.ok((await evidenceOf(source)).includes('SOURCE_CHANGED'))
    assert.deepEqual(await verdictOf(source), ['PASS', 'PASS'])
    await reborn.close()
  } finally {
    await endpoint.close()
  }
})

test('the guide of sources: from a reader to rows', async () => {
  const root = join(import.meta.dirname, '../../../../../..')
  const guide = readFileSync(join(root, 'docs/guides/fleet-sources.md'), 'utf8')
  const [, script = ''] = /```sh\n(.*?)```/s.exec(guide) ?? []
  const node = startNode({ service_id: 'gateway' })
  const endpoint = await startEndpoint(nodeReader(node.fasten, { token, basePath: '/logs' }))
  const folder = mkdtempSync(join(tmpdir(), 'fleet-guide-'))
  const main = join(root, 'packages/fleet/src/cli/main.ts')
  const program = `#!/bin/sh\nexec '${process.execPath}' --conditions=fasten-source '${main}' "$@"\n`
  writeFileSync(join(folder, 'fleet'), program, { mode: 0o755 })
  try {
    await node.live(3)
    const ready = [
      ['http://127.0.0.1:7117', fleet.url],
      ['flk_…', admin],
      ['the-token-of-its-reader', token],
      ['http://127.0.0.1:9000/logs', endpoint.url],
    ].reduce((text, [from = '', to = '']) => text.replace(from, to), script)
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` }
    const arrived = `until fleet sources --json | grep -q '"name":"the gateway".*"rows":4,'; do sleep 1; done\n`
    const lines = ready.replace(/^fleet sources$/m, `${arrived}fleet sources`)
    const { stdout } = await promisify(execFile)('bash', ['-ec', lines], { env, timeout: 120_000 })
    assert.match(stdout, /^[0-9a-f]{16}\nsource /)
    assert.match(
      stdout,
      /\nthe gateway +pull +gateway +acme +taking +arrival +4 +0 +\S+ +- +- +[0-9a-f]{16}\n/,
    )
  } finally {
    await endpoint.close()
    await node.close()
    rmSync(folder, { recursive: true, force: true })
  }
})

test('a reader of the published SDKs: forms 1 and 2, several nodes, rows that come late, and one that was tampered with', async () => {
  const store = createPublishedStore()
  for (let n = 0; n < 1_050; n++) {
    // More rows of one moment than a page has, of two nodes whose numbers run by themselves.
    const timestamp = at(n < 1_010 ? 5_000 : 10_000 + n)
    store.seal({ timestamp, source_node_id: `node-${n % 2}`, target: `t/${n}` }, n % 3 === 0 ? '2' : '1')
  }
  for (let n = 0; n < 20; n++) {
    store.sys.push({
      shape: 'sys',
      level: 'warning',
      event: `e${n}`,
      request_id: 'abc',
      service_id: 's',
      timestamp: at(n),
      size: 75,
    })
    store.api.push({
      shape: 'api',
      method: 'GET',
      path: `/p/${n}`,
      status: 200,
      duration_ms: 7,
      request_id: 'abc',
      timestamp: at(n),
    })
  }
  const endpoint = await startEndpoint(publishedReader(store, token))
  try {
    const source = await addPull(endpoint.url, { form: 'published' })
    await until(source, ({ rows }) => rows === 1_090)
    // One that was stored late, behind newer ones.
    store.seal({ timestamp: at(9_000), source_node_id: 'node-1', target: 'late' })
    const tampered = store.seal({ timestamp: at(20_000), source_node_id: 'node-0' })
    store.audit.splice(-1, 1, { ...tampered, actor: 'mallory' })
    const done = await until(source, ({ rows }) => rows === 1_092)
    assert.deepEqual([done.rows_refused, done.rows_changed], [0, 1])
    const rows = await sealed(source)
    const audit = rows.filter(({ stream }) => stream === 'audit')
    assert.equal(new Set(audit.map(({ origin }) => origin.id)).size, 1_052)
    const { none, broken, linked = 0, hashed = 0 } = proofsOf(rows)
    assert.deepEqual([none, broken, linked + hashed], [40, 1, 1_051])
    assert.ok(linked > 1_000, String(linked))
    assert.deepEqual(await evidenceOf(source), ['PROOF_BROKEN'])
    assert.deepEqual(await verdictOf(source), ['PASS', 'PASS', 'PASS'])
    const sys = rows.find(({ stream }) => stream === 'sys')
    assert.deepEqual([sys?.['level'], sys?.['event'], sys?.['fields']], ['warn', 'e19', { size: 75 }])
    const api = rows.find(({ stream }) => stream === 'api')
    assert.deepEqual([api?.['path'], api?.['duration_us']], ['/p/19', 7_000])
  } finally {
    await endpoint.close()
  }
})

test('who asked too long stores nothing, and where a server died another goes on', async () => {
  const store = createPublishedStore()
  for (let n = 0; n < 5; n++) store.seal({ timestamp: at(n) })
  const endpoint = await startEndpoint(publishedReader(store, token))
  const source = await addPull(endpoint.url, { form: 'published', streams: ['audit'], every_s: 3_600 })
  await until(source, ({ rows }) => rows === 5)
  const { pool } = fleet.database
  await pool.query(
    "UPDATE fleet_pulls SET lease = 'of another', leased_until = 'infinity' WHERE source_id = $1 AND lease IS NULL",
    [source.source_id],
  )
  store.seal({ timestamp: at(6) })
  const late = { source_id: source.source_id, lease: 'of before', cursor: null, failures: 0 }
  const tokens = createTokenSeal(secretIn(fleet.dataDir))
  const deps = { ...(await sealingOf(fleet)), tokens, privateAddresses: 'allow' } as const
  await runPull(deps, late, new AbortController().signal)
  assert.equal((await sealed(source)).length, 5)
  // That other one was killed behind a commit.
  await pool.query(
    "UPDATE fleet_pulls SET leased_until = '-infinity', due_at = '-infinity' WHERE source_id = $1",
    [source.source_id],
  )
  await until(source, ({ rows }) => rows === 6)
  assert.equal((await sealed(source)).length, 6)
  await endpoint.close()
})

test('a source that misbehaves is bounded, told of, and asked again', async (t) => {
  const endpoint = await startEndpoint((_request, response) => void response.end('{'))
  t.after(() => endpoint.close())
  const source = await addPull(endpoint.url, { form: 'published', streams: ['audit'], timeout_s: 1 })
  const page =
    (body: string): RequestListener =>
    (_request, response) =>
      void response.end(body)
  const row = (n: number) => ({ ...createPublishedStore().seal({ timestamp: at(n) }), monotonic_seq: n })
  const cases: readonly (readonly [RequestListener, RegExp])[] = [
    [page('<html>'), /is no JSON object/],
    [page('{"rows":[1]}'), /no list of rows/],
    [
      page(JSON.stringify({ rows: [], error: 'store not initialised\n\u001b[31m' })),
      /it answers: store not initialised\.\.\[31m/,
    ],
    [
      (_request, response) => {
        const part = ' '.repeat(1_000_000)
        const pour = (): void => {
          while (!response.destroyed && response.write(part));
        }
        response.on('drain', pour)
        response.write('{"rows":[')
        pour()
      },
      /more than 33554432 bytes|no whole answer within 1 s/,
    ],
    [
      (_request, response) => {
        const more = setInterval(() => response.write(' '), 50)
        response.on('close', () => clearInterval(more))
      },
      /no whole answer within 1 s/,
    ],
    [
      (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
      /elsewhere/,
    ],
    [(_request, response) => void response.writeHead(401).end(token), /does not accept the token/],
    // The same full page whatever is asked.
    [
      page(
        JSON.stringify({ limit: 1, rows: [{ ...row(9), timestamp: '2026-06-15T10:00:00.000009Z' }, row(5)] }),
      ),
      /outside of the window|more than/,
    ],
  ]
  for (const [listener, words] of cases) {
    endpoint.answer(listener)
    await fleet.ask(admin, `/api/v1/sources/${source.source_id}`, {
      method: 'PATCH',
      body: { paused: false },
    })
    const { last_error } = await until(source, ({ last_error: text }) => words.test(text ?? ''))
    assert.equal((last_error ?? '').includes(token), false)
  }
})
