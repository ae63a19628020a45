// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { request as httpRequest } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../../testing/fixtures/start-fleet.ts'
import { addSource, sourceWith } from '../fixtures/arriving.ts'
import { blockRowsMax } from './line-blocks.ts'

const postgres = await startPostgres()
const fleet = await startFleet({ databaseUrl: await postgres.freshDatabase() })
after(async () => {
  await fleet.close()
  await postgres.remove()
})
const run = promisify(execFile)

interface Answer {
  readonly status: number
  readonly code: string | undefined
  readonly taken: Readonly<Record<string, unknown>>
}

async function post(
  credential: string,
  body: string | Uint8Array,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${fleet.url}/ingest/v1/lines`, {
    method: 'POST',
    headers: { authorization: `Bearer ${credential}`, 'content-type': 'application/x-ndjson', ...headers },
    body: typeof body === 'string' ? body : new Uint8Array(body),
  })
  const { server_time: _time, ...taken } = (await response.json()) as Record<string, unknown>
  return { status: response.status, code: taken['code'] as string | undefined, taken }
}

const linesOf = (count: number, name = 'tick'): string =>
  Array.from({ length: count }, (_, at) => `${JSON.stringify({ msg: name, at })}\n`).join('')
const all = (stored: number, again = 0) => ({ lines: stored + again, stored, again, refused: 0, reasons: [] })

test('the guide: a source is added, and what pino printed comes in by curl, once however often it is sent', async () => {
  const guide = readFileSync(new URL('../../../../../docs/guides/fleet-otlp.md', import.meta.url), 'utf8')
  const [, script = ''] = /```sh\n(.*?)```/s.exec(guide) ?? []
  const folder = mkdtempSync(join(tmpdir(), 'fleet-lines-'))
  const program = `import pino from 'pino'
    const log = pino({ name: 'legacy' })
    log.child({ request_id: 'r-7', trace_id: '4bf92f3577b34da6a3ce929d0e0e4736' }).error({ order: 7, password: 'hunter2' }, 'not paid')
    log.info('done'); log.info('done')`
  try {
    const printed = await run(process.execPath, ['--input-type=module', '-e', program])
    writeFileSync(join(folder, 'app.log'), printed.stdout)
    const env = { ...process.env, FLEET_URL: fleet.url, FLEET_TOKEN: await fleet.key('operator') }
    const [, send = ''] = script.split('\n\n')
    const both = await run('bash', ['-ec', `${script}\necho\n${send}\necho; echo "$FLEET_SOURCE"`], {
      cwd: folder,
      env,
    })
    const [first, second, credential = ''] = both.stdout.trim().split('\n')
    const answers = [first, second].map((text) => {
      const { server_time: _time, ...answer } = JSON.parse(text ?? '') as Record<string, unknown>
      return answer
    })
    assert.deepEqual(answers, [all(3), all(0, 3)])
    const rows = await sourceWith(fleet, credential).rows()
    assert.deepEqual(
      rows.map(({ event, level, logger, tenant_id, service_id }) => [
        event,
        level,
        logger,
        tenant_id,
        service_id,
      ]),
      [
        ['not paid', 'error', 'legacy', 'acme', 'till'],
        ['done', 'info', 'legacy', 'acme', 'till'],
        ['done', 'info', 'legacy', 'acme', 'till'],
      ],
    )
    const [{ request_id, fields, origin } = assert.fail('no row')] = rows
    const { password } = fields as { readonly password: unknown }
    assert.deepEqual([request_id, password, origin['kind']], ['r-7', '***', 'ndjson'])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('lines that are no objects are kept and told with their numbers, and the rest is taken', async () => {
  const source = await addSource(fleet, 'ndjson')
  const body = `\ufeff{"msg":"first"}\n\n[1]\n{"msg":\n"text"\n{"stream":"audit","code":"ORDER_PAID","tenant_id":"globex"}\n{"msg":"last"}`
  const { status, taken } = await post(source.credential, body)
  assert.equal(status, 200)
  assert.deepEqual(taken, {
    lines: 6,
    stored: 3,
    again: 0,
    refused: 3,
    reasons: [
      { code: 'LINE_MALFORMED', message: 'line 3: is no JSON object' },
      { code: 'LINE_MALFORMED', message: 'line 4: is no JSON in UTF-8' },
      { code: 'LINE_MALFORMED', message: 'line 5: is no JSON object' },
    ],
  })
  assert.deepEqual(await source.evidence(), ['LINE_MALFORMED', 'LINE_MALFORMED', 'LINE_MALFORMED'])
  assert.deepEqual(
    (await source.rows('audit')).map(({ code, tenant_id, domain }) => [code, tenant_id, domain]),
    [['ORDER_PAID', 'acme', 'unregistered']],
  )
  assert.deepEqual((await post(source.credential, '')).taken, all(0))
})

test('an idempotency-key says which bodies are the same: without one, those that are byte for byte', async () => {
  const source = await addSource(fleet, 'ndjson')
  const tick = '{"msg":"tick"}\n{"msg":"tick"}\n'
  assert.deepEqual((await post(source.credential, tick)).taken, all(2))
  assert.deepEqual(
    (await post(source.credential, gzipSync(tick), { 'content-encoding': 'gzip' })).taken,
    all(0, 2),
  )
  assert.deepEqual((await post(source.credential, tick, { 'idempotency-key': 'one' })).taken, all(2))
  assert.deepEqual(
    (
      await post(source.credential, zstdCompressSync(tick), {
        'idempotency-key': 'one',
        'content-encoding': 'zstd',
      })
    ).taken,
    all(0, 2),
  )
  assert.deepEqual((await post(source.credential, tick, { 'idempotency-key': 'two' })).taken, all(2))
  const changed = await post(source.credential, '{"msg":"tock"}\n', { 'idempotency-key': 'two' })
  assert.deepEqual([changed.taken['refused'], await source.evidence()], [1, ['SOURCE_CHANGED']])
  assert.equal(
    (await post(source.credential, tick, { 'idempotency-key': 'no blanks' })).code,
    'IDEMPOTENCY_KEY',
  )
  // A row that has an id of its own is that row in any body.
  const own = '{"shape":"audit","id":"evt-01K0000000000000000000000A","code":"ORDER_PAID"}\n'
  assert.deepEqual((await post(source.credential, own)).taken, all(1))
  assert.deepEqual(
    (await post(source.credential, tick + own, { 'idempotency-key': 'three' })).taken,
    all(2, 1),
  )
})

test('a body that breaks off, or whose answer gets lost, is sent again and is there once', async () => {
  const source = await addSource(fleet, 'ndjson')
  const body = linesOf(blockRowsMax + 300)
  const cut = body.slice(0, body.lastIndexOf('\n', body.length - 2_000) + 5)
  const begun = httpRequest(`${fleet.url}/ingest/v1/lines`, {
    method: 'POST',
    headers: { authorization: `Bearer ${source.credential}`, 'content-type': 'application/x-ndjson' },
  })
  begun.on('error', () => {})
  begun.write(cut)
  // Whole blocks are durable while the rest of the body is still to come.
  while ((await source.rows()).length < blockRowsMax) await new Promise((resolve) => setTimeout(resolve, 50))
  begun.destroy()
  assert.equal((await source.rows()).length, blockRowsMax)
  const lost = httpRequest(`${fleet.url}/ingest/v1/lines`, {
    method: 'POST',
    headers: { authorization: `Bearer ${source.credential}`, 'content-type': 'application/x-ndjson' },
  })
  lost.on('error', () => {})
  lost.end(body, () => lost.destroy())
  const answers = await Promise.all([
    post(source.credential, body),
    post(source.credential, gzipSync(body), { 'content-encoding': 'gzip' }),
  ])
  for (const { status, taken } of answers)
    assert.deepEqual([status, taken['lines'], taken['refused']], [200, blockRowsMax + 300, 0])
  const rows = await source.rows()
  assert.equal(rows.length, blockRowsMax + 300)
  assert.equal(new Set(rows.map(({ fields }) => (fields as { readonly at: number }).at)).size, rows.length)
})

test('what it does not take, it says at once', async () => {
  const source = await addSource(fleet, 'ndjson')
  const otlp = await addSource(fleet, 'otlp')
  const { credential } = source
  const bomb = gzipSync(Buffer.alloc(3 * 1_048_576, 0x20))
  assert.deepEqual(
    [
      (await post('fls_x', '{}')).code,
      (await post(await fleet.key('admin'), '{}')).code,
      (await post(otlp.credential, '{}')).code,
      (await post(credential, '{}', { 'content-type': 'text/plain' })).status,
      (await post(credential, '{}', { 'content-encoding': 'br' })).code,
      (await post(credential, gzipSync('{"msg":1}\n').subarray(0, -4), { 'content-encoding': 'gzip' })).code,
      (await post(credential, bomb, { 'content-encoding': 'gzip' })).taken['lines'],
    ],
    ['UNAUTHENTICATED', 'FORBIDDEN', 'SOURCE_KIND', 415, 'ENCODING_UNKNOWN', 'BODY_TRUNCATED', 0],
  )
  const tooLong = `{"msg":"${'a'.repeat(1_100_000)}"}\n{"msg":"behind it"}\n`
  const { taken } = await post(credential, tooLong)
  assert.deepEqual([taken['stored'], taken['refused']], [1, 1])
  assert.deepEqual(
    (await source.rows()).map(({ event }) => event),
    ['behind it'],
  )
})
