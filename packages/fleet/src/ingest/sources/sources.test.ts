// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet, type Answer } from '../../testing/fixtures/start-fleet.ts'
import { line, sealingOf } from './fixtures/sealing.ts'
import { sealArrivals } from './seal-arrivals.ts'

const postgres = await startPostgres()
const fleet = await startFleet({ databaseUrl: await postgres.freshDatabase() })
const deps = await sealingOf(fleet)
const admin = await fleet.key('admin')
after(async () => {
  await fleet.close()
  await postgres.remove()
})

async function add(more: Readonly<Record<string, unknown>> = {}, key = admin): Promise<Added> {
  const answer = await fleet.ask(key, '/api/v1/sources', {
    method: 'POST',
    body: { kind: 'ndjson', name: 'old till', service_id: 'till', stamp: 'acme', ...more },
  })
  assert.equal(answer.status, 201, JSON.stringify(answer.body))
  return answer.body as Added
}

interface Added {
  readonly source_id: string
  readonly source_node_id: string
  readonly credential: string
}

const codeOf = ({ body }: Answer): unknown => (body as { readonly code?: unknown }).code

test('rows are sealed once, in the log of their source, with their origin, and verified as what they are', async () => {
  const { source_id, source_node_id } = await add()
  const log = `acme/till/${source_node_id}/sys`
  const rows = [line('a'), line('b', { tenant_id: 'whatever it says' })]
  let isAlongside = false
  const sealed = await sealArrivals(deps, {
    source_id,
    rows,
    alongside: async (sql) => {
      const { rows: seen } = await sql.query('SELECT 1')
      isAlongside = seen.length === 1
    },
  })
  assert.deepEqual([sealed, isAlongside], [{ stored: 2, again: 0, refused: [] }, true])
  assert.deepEqual(await sealArrivals(deps, { source_id, rows: [...rows, line('c')] }), {
    stored: 1,
    again: 2,
    refused: [],
  })

  const page = await fleet.ask(admin, '/api/v1/sys?order=oldest&service_id=till')
  const shown = (page.body as { readonly rows: readonly Record<string, unknown>[] }).rows
  const arrived = shown.filter((row) => row['event'] === 'it went on')
  assert.deepEqual(
    arrived.map(({ log: of, tenant_id, fields, origin }) => {
      const { arrived_at, ...rest } = origin as Record<string, unknown>
      return { of, tenant_id, fields, rest, isTime: typeof arrived_at }
    }),
    ['a', 'b', 'c'].map(() => ({
      of: log,
      tenant_id: 'acme',
      // Secrets do not come in with what others logged.
      fields: { password: '***', size: 3 },
      rest: { kind: 'ndjson', proof: 'none', source: source_id },
      isTime: 'string',
    })),
  )
  const verified = await fleet.ask(admin, `/api/v1/verify?log=${encodeURIComponent(log)}`)
  const { verdict, logs } = verified.body as {
    readonly verdict: string
    readonly logs: readonly {
      readonly anchored_to: unknown
      readonly unanchored_rows: number
      readonly notes: readonly string[]
    }[]
  }
  assert.equal(verdict, 'PASS', JSON.stringify(verified.body))
  assert.equal(logs[0]?.unanchored_rows, 0)
  assert.ok(
    logs[0]?.notes.some((note) => note.startsWith('3 rows were sealed on arrival: proven is that they came')),
  )
})

test('what cannot be taken lies in evidence, and the rest goes on', async () => {
  const { source_id } = await add({ stamp: undefined, tenants: ['acme', 'globex'] })
  await sealArrivals(deps, { source_id, rows: [line('x', { tenant_id: 'acme' })] })
  const huge = line('huge', { tenant_id: 'acme' })
  const sealed = await sealArrivals(deps, {
    source_id,
    refused: [{ code: 'ROW_MALFORMED', message: 'no JSON', sent: Buffer.from('{') }],
    rows: [
      line('y', { tenant_id: 'initech' }),
      line('x', { tenant_id: 'acme', event: 'another story' }),
      {
        ...huge,
        isClean: true,
        members: { stream: 'sys', level: 'info', event: 'x'.repeat(70_000), fields: {} },
      },
      line('z', { tenant_id: 'globex' }),
    ],
  })
  assert.deepEqual(
    [sealed.stored, sealed.again, sealed.refused.map(({ code }) => code)],
    [1, 0, ['ROW_MALFORMED', 'WRONG_TENANT', 'SOURCE_CHANGED', 'ROW_TOO_LARGE']],
  )
  const kept = await fleet.database.pool.query(
    'SELECT code, tenant FROM fleet_evidence WHERE source_id = $1 ORDER BY evidence_id',
    [source_id],
  )
  assert.deepEqual(kept.rows, [
    { code: 'ROW_MALFORMED', tenant: null },
    { code: 'WRONG_TENANT', tenant: null },
    { code: 'SOURCE_CHANGED', tenant: 'acme' },
    { code: 'ROW_TOO_LARGE', tenant: 'acme' },
  ])
  const shown = await fleet.ask(admin, `/api/v1/sources/${source_id}`)
  const { rows, rows_refused, rows_changed, alarms } = shown.body as Record<string, unknown>
  assert.deepEqual(
    [rows, rows_refused, rows_changed, alarms],
    [2, 3, 1, ['source_changed', 'source_refusal']],
  )
})

test('what goes wrong alongside stores nothing, and a source that is closed takes nothing', async () => {
  const { source_id } = await add()
  const failing = sealArrivals(deps, {
    source_id,
    rows: [line('a')],
    alongside: () => Promise.reject(new Error('the cursor was moved')),
  })
  await assert.rejects(failing, /the cursor was moved/)
  assert.equal((await sealArrivals(deps, { source_id, rows: [line('a')] })).stored, 1)
  const change = (body: unknown) =>
    fleet.ask(admin, `/api/v1/sources/${source_id}`, { method: 'PATCH', body })
  assert.equal(((await change({ paused: true })).body as Record<string, unknown>)['state'], 'paused')
  await assert.rejects(sealArrivals(deps, { source_id, rows: [line('b')] }), {
    code: 'SOURCE_PAUSED',
    status: 503,
    retryAfterS: 60,
  })
  assert.equal(((await change({ paused: false })).body as Record<string, unknown>)['state'], 'taking')
  assert.equal((await fleet.ask(admin, `/api/v1/sources/${source_id}`, { method: 'DELETE' })).status, 200)
  await assert.rejects(sealArrivals(deps, { source_id, rows: [line('b')] }), { code: 'SOURCE_CLOSED' })
})

test('a source belongs to its tenants, and every act about it is told', async () => {
  const acme = await fleet.key('admin', ['acme'])
  const globex = await fleet.key('admin', ['globex'])
  const { source_id } = await add({ name: 'told' }, acme)
  const at = `/api/v1/sources/${source_id}`
  for (const [method, path, body] of [
    ['GET', at, undefined],
    ['PATCH', at, { paused: true }],
    ['DELETE', at, undefined],
    ['POST', `${at}/credential`, undefined],
    ['DELETE', `${at}/credential`, undefined],
  ] as const)
    assert.equal((await fleet.ask(globex, path, { method, body })).status, 404, `${method} ${path}`)
  const listed = (await fleet.ask(globex, '/api/v1/sources')).body as { readonly sources: readonly unknown[] }
  assert.deepEqual(listed.sources, [])
  const foreign = { kind: 'ndjson', name: 'x', service_id: 'x', stamp: 'globex' }
  const refused = await fleet.ask(acme, '/api/v1/sources', { method: 'POST', body: foreign })
  assert.deepEqual([refused.status, codeOf(refused)], [403, 'EXCEEDS_RIGHTS'])

  await fleet.ask(acme, at, { method: 'PATCH', body: { name: 'renamed' } })
  await fleet.ask(acme, at, { method: 'DELETE' })
  const told = (await fleet.told('SOURCE_ADDED', 'SOURCE_CHANGED')).filter(
    ({ target }) => target === `source:${source_id}`,
  )
  assert.deepEqual(
    told.map(({ code, detail }) => [code, detail]),
    [
      [
        'SOURCE_ADDED',
        { is_stamped: true, kind: 'ndjson', name: 'told', service_id: 'till', tenants: ['acme'] },
      ],
      ['SOURCE_CHANGED', { name: 'renamed' }],
      ['SOURCE_CHANGED', { removed: true }],
    ],
  )
})

test('a token goes in and never comes out, nor to another origin', async () => {
  const added = await fleet.ask(admin, '/api/v1/sources', {
    method: 'POST',
    body: {
      kind: 'pull',
      name: 'gateway',
      service_id: 'gateway',
      token: 'a-secret-of-theirs',
      pull: { url: 'https://gateway.example/api/v1/logs/' },
    },
  })
  const { source_id, settings, has_token } = added.body as Record<string, unknown>
  assert.deepEqual(
    [added.status, has_token, (settings as Record<string, unknown>)['url']],
    [201, true, 'https://gateway.example/api/v1/logs'],
  )
  const at = `/api/v1/sources/${String(source_id)}`
  const elsewhere = { pull: { url: 'https://attacker.example/logs' } }
  assert.equal(codeOf(await fleet.ask(admin, at, { method: 'PATCH', body: elsewhere })), 'TOKEN_NEEDED')
  const moved = await fleet.ask(admin, at, { method: 'PATCH', body: { ...elsewhere, token: 'another' } })
  assert.equal(moved.status, 200)
  const everything = JSON.stringify([
    added.body,
    moved.body,
    await fleet.told('SOURCE_ADDED', 'SOURCE_CHANGED'),
  ])
  assert.equal(/a-secret-of-theirs|"another"/.test(everything), false)
  await fleet.ask(admin, at, { method: 'DELETE' })
  const left = await fleet.database.pool.query(
    'SELECT source_id FROM fleet_sources WHERE sealed_token IS NOT NULL AND source_id = $1',
    [source_id],
  )
  assert.equal(left.rowCount, 0)
})
