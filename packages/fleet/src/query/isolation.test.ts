// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openapi } from 'fasten/reader'
import { openForReading } from 'fasten/store'
import { Client } from 'pg'
import { permissionsOf } from '../web/principal.ts'
import { openTestFleet, type Who } from './fixtures/fleet-of-tenants.ts'

/** Stands in every member of every row of the foreign tenant that an application can fill, and in its very name. */
const marker = 'zq7marker'
const meta = { category: marker, action: `${marker}.do`, severity: 'info', description: 'A test.' } as const
const fleet = await openTestFleet()
after(() => fleet.remove())

const planted: { id: string; request_id: string }[] = []
const foreign = `${marker}-tenant`
await fleet.write({ tenant: foreign, service: `${marker}-service`, node: `${marker}-node` }, (node) => {
  node.register('test', { ZQ7MARKER_CODE: meta })
  for (let index = 0; index < 3; index++) {
    const { id, request_id } = node.emit({
      code: 'ZQ7MARKER_CODE',
      target: `${marker}:${index}`,
      target_kind: marker,
      actor: `user:${marker}`,
      on_behalf_of: `user:${marker}2`,
      session_id: marker,
      reason: marker,
      change_ref: marker,
      request_ref: marker,
      call_ref: marker,
      // Shared on purpose with a request of the other tenant.
      request_id: index === 0 ? 'shared-request' : `${marker}-request`,
      detail: { [marker]: marker },
    })
    planted.push({ id, request_id })
  }
  node.log.error(`${marker}_event`, { [marker]: marker })
  node.recordApi({
    method: 'GET',
    path: `/${marker}`,
    route: `/${marker}`,
    status: 500,
    duration_us: 7,
    actor: marker,
    error: marker,
  })
})
await fleet.write({ tenant: 'acme' }, (node) => {
  node.register('test', { OWN_CODE: { ...meta, category: 'own', action: 'own.do' } })
  // A row of one's own that names a row of somebody else as its cause leads nowhere.
  node.emit({
    code: 'OWN_CODE',
    target: 'own',
    actor: 'user:own',
    request_id: 'shared-request',
    caused_by: planted[1]?.id ?? '',
  })
  node.log.info('own_event', {})
  node.recordApi({ method: 'GET', path: '/own', status: 200, duration_us: 7 })
})

/**
 * Not among them: `_`, the rows that belong to no tenant. The fleet's own trail is there, and in it what everybody has asked, of whatever tenant:
 * whoever is granted `_` is granted that.
 */
const scopes: readonly Pick<Who, 'tenants' | 'codes'>[] = [
  { tenants: ['acme'] },
  { tenants: ['acme', 'nobody'] },
  { tenants: [] },
  { tenants: ['acme'], codes: ['*'] },
  { tenants: [foreign.toUpperCase(), `${foreign} `, '%', '_%', 'all', `["${foreign}"]`] },
]
const people: readonly Who[] = [
  ...(Object.keys(permissionsOf) as (keyof typeof permissionsOf)[]),
  'none' as const,
].flatMap(
  // Whoever may do most is tried with every scope; the others differ in what is refused.
  (role) =>
    (role === 'auditor' ? scopes : scopes.slice(0, 1)).map((scope, index) => ({
      name: `${role}${index}`,
      role,
      ...scope,
    })),
)
const foreignLog = `${foreign}/${marker}-service/${marker}-node/audit`

/** Every path that answers, in every way that might lead to the foreign rows. */
const paths: readonly string[] = [
  ...Object.keys((openapi() as { paths: object }).paths).flatMap((path) => {
    const filled = path.replace('{id}', planted[0]?.id ?? '')
    return [
      filled,
      `${filled}?tenant_id=${foreign}`,
      `${filled}?request_id=shared-request`,
      `${filled}?actor=user:${marker}`,
      `${filled}?q=${marker}&since=-1d`,
      `${filled}?log=${foreignLog}`,
      `${filled}?caused_by=${planted[0]?.id}`,
      `${filled}?limit=1000`,
    ]
  }),
  `/row?log=${foreignLog}&monotonic_seq=1`,
  `/verify?log=${foreignLog}`,
  '/tail?backlog=1000',
  '/export?stream=sys',
  '/export?stream=api&format=csv',
  '/traces/shared-request',
  `/traces/${marker}-request`,
  `/traces/${planted[0]?.id}`,
  `/entities/user/${marker}/timeline`,
  `/entities/user/${marker}2/timeline`,
  `/entities/${marker}/${marker}:1/timeline`,
  '/tenants',
  ...['checkpoint', 'proof?index=1', 'tile/0/000.p/1', 'tile/entries/000.p/1'].flatMap((rest) => [
    `/logs/${foreignLog}/${rest}`,
    `/logs/${encodeURIComponent(foreignLog)}/${rest}`,
  ]),
]

const statements: readonly string[] = [
  'SELECT * FROM audit',
  'SELECT * FROM sys',
  'SELECT * FROM api',
  'TABLE audit_log',
  'SELECT leaf FROM api_log UNION ALL SELECT leaf FROM sys_log',
  'SELECT log FROM fasten_logs',
  `SELECT count(*) FROM audit WHERE tenant = '${foreign}' HAVING count(*) > 0`,
  'SELECT tenant::int FROM audit',
  'SELECT DISTINCT log FROM audit',
]

test('no answer to anybody holds a byte of another tenant', async () => {
  let answers = 0
  const waiting = people.values()
  const work = async (): Promise<void> => {
    for (const who of waiting)
      for (const [path, body] of questions) {
        const text = await answerTo(who, path, body)
        // What was asked is repeated in some refusals; what was found is not.
        const found = withoutQuestion(text, path, body)
        assert.ok(
          !found.includes(marker) && !/ZQ7MARKER/.test(found),
          `${who.name} ${path} ${body ?? ''}: ${text.slice(0, 600)}`,
        )
        answers++
      }
  }
  await Promise.all([work(), work(), work(), work()])
  assert.equal(answers, people.length * questions.length)
})

const questions: readonly (readonly [path: string, body: string | undefined])[] = [
  ...paths.map((path) => [path, undefined] as const),
  ...statements.map((sql) => ['/sql', JSON.stringify({ sql })] as const),
]

async function answerTo(who: Who, path: string, body: string | undefined): Promise<string> {
  const stop = new AbortController()
  const response = await fetch(`${fleet.url}/api/v1${path}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: {
      authorization: `Bearer ${fleet.as({ ...who, name: who.name })}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
    signal: stop.signal,
  })
  const headers = JSON.stringify([...response.headers])
  if (!path.startsWith('/tail') || !response.ok) return headers + (await response.text())
  return headers + (await beginningOf(response, stop))
}

/** A tail sends what there is and a comment or a place, and then waits. */
async function beginningOf(response: Response, stop: AbortController): Promise<string> {
  let text = ''
  const decoder = new TextDecoder()
  const parts = (response.body ?? []) as AsyncIterable<Uint8Array>
  for await (const part of parts) {
    text += decoder.decode(part, { stream: true })
    if (/^(id|:|event: place)/m.test(text)) break
  }
  stop.abort()
  return text
}

function withoutQuestion(text: string, path: string, body: string | undefined): string {
  const parts = [
    path,
    decodeURIComponent(path),
    ...path.split(/[?&=/]/),
    ...(body === undefined ? [] : [JSON.stringify(body).slice(1, -1)]),
  ]
  return parts
    .filter((part) => part.includes(marker))
    .sort((one, other) => other.length - one.length)
    .reduce((rest, part) => rest.replaceAll(part, ''), text)
}

test('the marker is really there, for whoever may see it', async () => {
  const who: Who = { name: 'own', role: 'auditor', tenants: [foreign] }
  for (const path of [
    '/audit',
    '/sys',
    '/api',
    '/export',
    '/tenants',
    '/logs',
    '/traces/shared-request',
    `/logs/${foreignLog}/checkpoint`,
  ])
    assert.ok((await answerTo(who, path, undefined)).includes(marker), path)
  assert.ok((await answerTo(who, '/sql', JSON.stringify({ sql: 'SELECT leaf FROM audit' }))).includes(marker))
})

test('row-level security holds with the filter of the application taken away', async () => {
  for (const { tenants, codes } of [...scopes, { tenants: [foreign], codes: [] }]) {
    const store = await openForReading(await fleet.database.readerUrl(tenants, codes))
    const seen: unknown[] = [await store.heads(), await store.checkpoints?.({})]
    for (const stream of ['audit', 'sys', 'api'] as const) {
      seen.push(await store.scan({ stream, order: 'stored', limit: 1000 }))
      seen.push(await store.scan({ stream, order: 'newest', limit: 1000, filter: { tenant_id: foreign } }))
      seen.push(await store.summary(stream, undefined, undefined))
      seen.push(await store.count(stream, { tenant_id: foreign }, 10))
    }
    for await (const row of store.evidence(foreignLog, 0)) seen.push(row)
    seen.push(await store.leafHashes?.(foreignLog, 0, 10))
    await store.close()
    if (!tenants.includes(foreign)) assert.ok(!JSON.stringify(seen).includes(marker), JSON.stringify(tenants))
    const url = new URL(await fleet.database.readerUrl(tenants, codes))
    const options = `${url.searchParams.get('options')} -c search_path=fleet`
    url.search = ''
    const client = new Client({ connectionString: url.href, options })
    await client.connect()
    const { rows: tables } = await client.query<{ name: string }>(
      "SELECT c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'fleet' AND c.relkind IN ('r', 'p', 'v', 'm')",
    )
    for (const { name } of tables) {
      const shown = await client.query(`SELECT t::text FROM fleet."${name}" t`).then(
        ({ rows }) => JSON.stringify(rows),
        (error: { code?: string }) => {
          assert.equal(error.code, '42501', name)
          return ''
        },
      )
      // Whoever has the tenant and no code of it sees that its logs are there.
      const isOfLogs = tenants.includes(foreign) && /^fasten_(logs|checkpoints)$/.test(name)
      assert.ok(isOfLogs || !shown.includes(marker), `${JSON.stringify(tenants)} sees ${name}`)
    }
    const effects = await client.query('SELECT * FROM fleet_effects($1)', [planted.map(({ id }) => id)])
    assert.ok(!JSON.stringify(effects.rows).includes(marker))
    await client.end()
  }
})
