// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { remoteReader } from 'fasten/reader'
import { openForReading } from 'fasten/store'
import { openTestFleet, type Who } from './fixtures/fleet-of-tenants.ts'

const meta = { category: 'test', action: 'test.do', severity: 'info', description: 'A test.' } as const
const codes = { TEST_ONE: meta, TEST_TWO: meta }
const fleet = await openTestFleet()
after(() => fleet.remove())
for (const tenant of ['acme', 'umbrella', undefined])
  await fleet.write(tenant === undefined ? {} : { tenant }, (node) => {
    node.register('test', codes)
    node.emit({ code: 'TEST_ONE', target: 'a', actor: 'user:ada', request_id: 'r-1' })
    node.emit({ code: 'TEST_TWO', target: 'b', actor: 'user:ada', request_id: 'r-1' })
    node.log.info('greeted', { to: tenant ?? null })
    node.recordApi({ method: 'GET', path: '/x', status: 200, duration_us: 1200 })
  })
const auditor: Who = { name: 'ann', role: 'auditor', tenants: ['acme'] }
const viewer: Who = { name: 'vic', role: 'viewer', tenants: ['acme', '_'] }
const bound: Who = { name: 'bob', role: 'auditor', tenants: ['acme'], codes: ['TEST_ONE', 'NOTHING_*'] }

test('pages, threads and logs hold what the credential allows and no more', async () => {
  const reader = remoteReader({ url: `${fleet.url}/api/v1`, token: fleet.as(auditor) })
  const page = await reader.page({ stream: 'audit', filter: {}, limit: 100 })
  assert.deepEqual([...new Set(page.rows.map(({ tenant_id }) => tenant_id))], ['acme'])
  assert.deepEqual(
    (await reader.logs()).map(({ log }) => log),
    ['acme/shop/n1/api', 'acme/shop/n1/audit', 'acme/shop/n1/sys'],
  )
  assert.deepEqual(
    (await reader.thread('r-1')).rows.map(({ tenant_id }) => tenant_id),
    ['acme', 'acme'],
  )
  assert.equal((await reader.verify({})).verdict, 'PASS')
  await reader.close()
})

test('exports, verdicts and the doctor need permissions of their own', async () => {
  const statuses = async (who: Who) =>
    Object.fromEntries(
      await Promise.all(
        ['audit', 'export', 'verify', 'audit/doctor'].map(async (path) => [
          path,
          (await fleet.get(`/api/v1/${path}`, who)).status,
        ]),
      ),
    )
  assert.deepEqual(await statuses(viewer), { audit: 200, export: 403, verify: 403, 'audit/doctor': 403 })
  assert.deepEqual(await statuses(auditor), { audit: 200, export: 200, verify: 200, 'audit/doctor': 200 })
  assert.deepEqual(await statuses(bound), { audit: 200, export: 200, verify: 403, 'audit/doctor': 403 })
  const nobody: Who = { name: 'nil', role: 'none', tenants: 'all' }
  assert.deepEqual(await statuses(nobody), { audit: 403, export: 403, verify: 403, 'audit/doctor': 403 })
})

test('whoever is bound to codes sees these, whole or by their beginning, and no other stream', async () => {
  const codesOf = async (who: Who, stream: string) => {
    const { body } = await fleet.get(`/api/v1/${stream}?limit=100`, who)
    return (body as { rows: { code?: string }[] }).rows.map(({ code }) => code)
  }
  assert.deepEqual(await codesOf(bound, 'audit'), ['TEST_ONE'])
  assert.deepEqual(await codesOf({ ...bound, codes: ['TEST_*'] }, 'audit'), ['TEST_TWO', 'TEST_ONE'])
  assert.deepEqual(await codesOf({ ...bound, codes: [] }, 'audit'), [])
  assert.deepEqual(await codesOf(bound, 'sys'), [])
  assert.deepEqual(await codesOf(bound, 'api'), [])
  const store = await openForReading(await fleet.database.readerUrl(['acme'], ['TEST_ONE']))
  for (const stream of ['audit', 'sys', 'api'] as const) {
    const rows = await store.scan({ stream, order: 'oldest', limit: 100 })
    assert.equal(rows.length, stream === 'audit' ? 1 : 0, 'the database holds to it as well')
  }
  await store.close()
})

test('a tail shows what is stored while it runs, of its tenants', async () => {
  const reader = remoteReader({ url: `${fleet.url}/api/v1`, token: fleet.as(auditor) })
  const stop = new AbortController()
  const began = Promise.withResolvers<void>()
  const seen: string[] = []
  const tailing = (async () => {
    const query = { streams: ['audit'], filter: {}, onPlace: () => began.resolve() } as const
    for await (const { row } of reader.tail(query, stop.signal)) {
      seen.push(`${row.tenant_id ?? '_'} ${row.stream === 'audit' ? row.target : ''}`)
      if (seen.some((one) => one.endsWith('last'))) return
    }
  })()
  await began.promise
  for (const tenant of ['umbrella', 'acme'])
    await fleet.write({ tenant, node: 'n2' }, (node) => {
      node.register('test', codes)
      node.emit({ code: 'TEST_ONE', target: 'last', request_id: 'r-2' })
    })
  await tailing
  stop.abort()
  await reader.close()
  assert.deepEqual([...new Set(seen.map((one) => one.split(' ')[0]))], ['acme'])
})

test('every answer is told once, with who asked what and how many rows were shown', async () => {
  const teller: Who = { name: 'tess', role: 'auditor', tenants: ['acme'] }
  await fleet.get('/api/v1/audit?code=TEST_ONE&actor=user:ada', teller)
  await fleet.get('/api/v1/export?stream=sys', teller)
  await fleet.get('/api/v1/nothing', teller)
  await fleet.get('/api/v1/audit?nonsense=1', teller)
  await fleet.fasten.flush()
  const { body } = await fleet.get('/api/v1/audit?actor=api_key:tess&order=oldest', {
    name: 'root',
    role: 'admin',
    tenants: 'all',
  })
  const told = (body as { rows: { code: string; detail: unknown }[] }).rows
  assert.deepEqual(
    told.map(({ code, detail }) => [code, detail]),
    [
      [
        'ROWS_READ',
        {
          operation: 'listAudit',
          parameters: { actor: 'user:ada', code: 'TEST_ONE' },
          rows: 1,
          tenants: '["acme"]',
        },
      ],
      [
        'ROWS_EXPORTED',
        {
          operation: 'export',
          parameters: { stream: 'sys' },
          phase: 'began',
          rows: null,
          tenants: '["acme"]',
        },
      ],
      [
        'ROWS_EXPORTED',
        { operation: 'export', parameters: { stream: 'sys' }, phase: 'ended', rows: 2, tenants: '["acme"]' },
      ],
    ],
  )
})
