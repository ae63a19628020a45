// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createFasten } from '../capture/create.ts'
import { createCodeRegistry } from '../core/code.ts'
import type { AuditRow } from '../core/row.ts'
import type { Ask } from './authorize.ts'
import type { ReaderRow } from './reader.ts'
import { remoteReader } from './remote.ts'
import { createReaderRouter, type ReaderOptions } from './router.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-disclosing-'))

const registry = createCodeRegistry()
registry.register('shop', { NOTE_KEPT: { pii: ['detail.note', 'actor'] } })
const fasten = createFasten({
  registry,
  auditDsn: `sqlite:///${join(folder, 'rows.db')}`,
  spoolDir: join(folder, 'spool'),
  stdout: 'none',
  exitHooks: false,
  // A crowded machine is no failure.
  flushTimeoutMs: 60_000,
} as never)
after(async () => {
  await fasten.close()
  rmSync(folder, { recursive: true, force: true })
})
const { id } = fasten.emit({
  code: 'NOTE_KEPT',
  actor: 'user:ann',
  target: 'user:ann',
  detail: { note: 'a secret note' },
})
await fasten.flush(60_000)

/** May read with any token, and see values with the token `dpo`. */
const authorize = (request: Request, { permission }: Ask): boolean =>
  permission === 'audit:read' || request.headers.get('authorization') === 'Bearer dpo'

async function get(path: string, token: string, options: ReaderOptions = { authorize, discloses: true }) {
  const router = createReaderRouter(fasten, options)
  const response = await router(
    new Request(`http://reader${path}`, { headers: { authorization: `Bearer ${token}` } }),
  )
  const text = await response.text()
  return { status: response.status, text }
}

async function told(): Promise<readonly AuditRow[]> {
  await fasten.flush(60_000)
  const rows = await fasten.sources().streams.audit.scan({
    stream: 'audit',
    filter: { code: 'VALUES_DISCLOSED' },
    order: 'stored',
    limit: 100,
  })
  return rows.map(({ row }) => row as AuditRow)
}

test('values are shown to whom they may be, when they ask, and each time a row tells of it', async () => {
  const paths = ['/audit?disclose=true&actor=user:ann', `/row/${id}?disclose=true`]
  for (const [index, path] of paths.entries()) {
    const { status, text } = await get(path, 'dpo')
    assert.equal(status, 200, text)
    assert.ok(text.includes('a secret note'), path)
    const rows = await told()
    assert.equal(rows.length, index + 1)
    const { operation, rows: count, values, row_ids } = rows.at(-1)?.detail ?? {}
    assert.deepEqual([operation, count, values, row_ids], [index === 0 ? 'listAudit' : 'rowById', 1, 2, [id]])
  }
  assert.ok(!JSON.stringify(await told()).includes('user:ann'), 'nothing of the question but its names')
})

test('nobody else sees them, and nobody who does not ask', async () => {
  const before = (await told()).length
  const page = await get('/audit?code=NOTE_KEPT', 'dpo')
  assert.equal(page.status, 200)
  assert.ok(!page.text.includes('secret') && page.text.includes('sealed'))
  assert.equal((await get('/audit?disclose=true', 'reader')).status, 403)
  assert.equal((await get('/audit?disclose=true', 'dpo', { authorize })).status, 403, 'off unless it is on')
  assert.equal(
    (await get('/audit?disclose=true', 'dpo', { token: 'dpo' })).status,
    403,
    'a token is not enough',
  )
  for (const path of [
    '/sys?disclose=true',
    '/export?disclose=true',
    '/tail?disclose=true',
    '/audit?disclose=TRUE',
  ])
    assert.ok([400, 422].includes((await get(path, 'dpo')).status), path)
  assert.equal((await told()).length, before)
})

test('who is shown values also leaves rows out by them, and nobody else can', async () => {
  const leavesOut = async (search: string): Promise<boolean> =>
    !(await get(`/audit?code=NOTE_KEPT&${search}`, 'dpo')).text.includes(id)
  assert.equal(await leavesOut('disclose=true&not=actor:user:ann'), true)
  assert.equal(await leavesOut('disclose=true&not=actor:user:bob'), false)
  assert.equal(await leavesOut('not=actor:user:ann'), false)
})

test('what cannot be told is not wired', () => {
  assert.throws(() => createReaderRouter(fasten, { token: 'x', discloses: true }), /authorize/)
  const reader = remoteReader({ url: 'http://127.0.0.1:1' })
  assert.throws(() => createReaderRouter(reader, { authorize, discloses: true }), /started instance/)
})

test('a remote reader shows them when it is told to', async () => {
  const router = createReaderRouter(fasten, { authorize, discloses: true })
  const fetched = async (input: string | URL | Request, init?: RequestInit): Promise<Response> =>
    router(new Request(input instanceof URL ? input.href : input, init))
  const options = { url: 'http://reader', token: 'dpo', fetch: fetched }
  const query = { stream: 'audit', filter: { code: 'NOTE_KEPT' }, limit: 10 } as const
  const valueIn = async (discloses: boolean): Promise<unknown> => {
    const page = await remoteReader({ ...options, discloses }).page(query)
    return (page.rows[0] as ReaderRow<AuditRow> | undefined)?.disclosures?.['/detail/note']
  }
  assert.deepEqual(await valueIn(true), { state: 'disclosed', value: 'a secret note' })
  assert.deepEqual(await valueIn(false), { state: 'sealed' })
})
