// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { addSource } from '../ingest/fixtures/arriving.ts'
import { createNode } from '../nodes/create-node.ts'
import { pageRoots } from 'fasten-ui/serve'
import { startFleet } from '../testing/fixtures/start-fleet.ts'

const postgres = await startPostgres()
const fleet = await startFleet({ databaseUrl: await postgres.freshDatabase() })
after(async () => {
  await fleet.close()
  await postgres.remove()
})

/** Who may ask what, written down by hand: a route that says otherwise, or that is new, fails until somebody has thought about it here. */
const table: Readonly<Record<string, string>> = {
  // Pages hold nothing; what they show they ask for, as whoever looks.
  'GET /': 'public',
  'GET /mark.svg': 'public',
  'GET /assets/*': 'public',
  ...Object.fromEntries(
    pageRoots.flatMap((root) => [`GET /${root}`, `GET /${root}/*`]).map((route) => [route, 'public']),
  ),
  'GET /api/v1/login': 'public',
  'GET /healthz': 'public',
  'GET /readyz': 'public',
  'GET /ingest/v1': 'public',
  'POST /api/v1/login': 'public',
  'POST /api/v1/password': 'self',
  'GET /api/v1/me': 'self',
  'GET /api/v1/sessions': 'self',
  'DELETE /api/v1/sessions/:session_id': 'self',
  'POST /api/v1/logout': 'self',
  'GET /api/v1/users': 'access:read',
  'POST /api/v1/users': 'access:manage',
  'PATCH /api/v1/users/:user_id': 'access:manage',
  'GET /api/v1/grants': 'access:read',
  'POST /api/v1/grants': 'access:manage',
  'DELETE /api/v1/grants/:grant_id': 'access:manage',
  'POST /api/v1/api-keys': 'self',
  'GET /api/v1/api-keys': 'self',
  'DELETE /api/v1/api-keys/:key_id': 'self',
  'GET /api/v1/audit': 'audit:read',
  'GET /api/v1/sys': 'audit:read',
  'GET /api/v1/api': 'audit:read',
  'GET /api/v1/correlate': 'audit:read',
  'GET /api/v1/thread': 'audit:read',
  'GET /api/v1/search': 'audit:read',
  'GET /api/v1/topology': 'audit:read',
  'GET /api/v1/logs': 'audit:read',
  'GET /api/v1/logs/*': 'audit:read',
  'GET /api/v1/row': 'audit:read',
  'GET /api/v1/row/:id': 'audit:read',
  'GET /api/v1/tail': 'audit:read',
  'GET /api/v1/openapi.json': 'audit:read',
  'GET /api/v1/traces/:request_id': 'audit:read',
  'GET /api/v1/entities/:kind/:id/timeline': 'audit:read',
  'GET /api/v1/tenants': 'audit:read',
  'GET /api/v1/codes': 'audit:read',
  'GET /api/v1/export': 'audit:export',
  'GET /api/v1/audit/doctor': 'audit:verify',
  'GET /api/v1/verify': 'audit:verify',
  'POST /api/v1/sql': 'sql:run',
  'GET /metrics': 'metrics:read',
  'GET /api/v1/metrics/red': 'metrics:read',
  'GET /api/v1/metrics/codes': 'metrics:read',
  'POST /ingest/v1/places': 'ingest:push',
  'POST /ingest/v1/rows': 'ingest:push',
  'POST /ingest/v1/enrol': 'public',
  'POST /ingest/v1/keys': 'ingest:push',
  'POST /ingest/v1/credential': 'ingest:push',
  'POST /ingest/v1/status': 'ingest:push',
  'GET /api/v1/enrolment-tokens': 'nodes:manage',
  'POST /api/v1/enrolment-tokens': 'nodes:manage',
  'DELETE /api/v1/enrolment-tokens/:token_id': 'nodes:manage',
  'GET /api/v1/alarms': 'nodes:read',
  'POST /api/v1/alarms/:alarm_id/acknowledge': 'nodes:manage',
  'GET /api/v1/retention': 'config:read',
  'GET /api/v1/holds': 'config:read',
  'POST /api/v1/holds': 'config:manage',
  'POST /api/v1/holds/:hold_id/release': 'config:manage',
  'GET /api/v1/nodes': 'nodes:read',
  'GET /api/v1/nodes/:node_id': 'nodes:read',
  'POST /api/v1/nodes/:node_id/revoke': 'nodes:manage',
  'POST /api/v1/nodes/:node_id/credential': 'nodes:manage',
  'POST /api/v1/nodes/:node_id/rotate': 'nodes:manage',
  'POST /api/v1/nodes/:node_id/settings': 'nodes:manage',
  'POST /api/v1/nodes/:node_id/keys/:public_key/retire': 'nodes:manage',
  'POST /v1/logs': 'ingest:arrive',
  'POST /ingest/otlp/v1/logs': 'ingest:arrive',
  'POST /ingest/v1/lines': 'ingest:arrive',
  'GET /api/v1/sources': 'nodes:read',
  'POST /api/v1/sources': 'nodes:manage',
  'GET /api/v1/sources/:source_id': 'nodes:read',
  'PATCH /api/v1/sources/:source_id': 'nodes:manage',
  'DELETE /api/v1/sources/:source_id': 'nodes:manage',
  'POST /api/v1/sources/:source_id/credential': 'nodes:manage',
  'DELETE /api/v1/sources/:source_id/credential': 'nodes:manage',
}

/** Which roles hold what, written down by hand as well. */
const holders: Readonly<Record<string, readonly string[]>> = {
  self: ['viewer', 'auditor', 'operator', 'admin', 'node', 'source'],
  'audit:read': ['viewer', 'auditor', 'operator', 'admin'],
  'audit:export': ['auditor', 'admin'],
  'audit:verify': ['auditor', 'operator', 'admin'],
  'metrics:read': ['viewer', 'auditor', 'operator', 'admin'],
  'sql:run': ['auditor', 'admin'],
  'nodes:read': ['viewer', 'auditor', 'operator', 'admin'],
  'nodes:manage': ['operator', 'admin'],
  'access:read': ['auditor', 'admin'],
  'access:manage': ['admin'],
  'config:read': ['auditor', 'operator', 'admin'],
  'config:manage': ['admin'],
  'ingest:push': ['node'],
  'ingest:arrive': ['source'],
}

test('every route asks for what the table says', () => {
  const declared = fleet.routes
    .filter(({ method }) => method !== 'HEAD')
    .map(({ method, path, permission }) => [`${method} ${path}`, permission])
  assert.deepEqual(Object.fromEntries(declared), table)
  for (const { path, permission } of fleet.routes.filter(({ method }) => method === 'HEAD'))
    assert.equal(permission, table[`GET ${path}`], `HEAD ${path}`)
})

test('every route is opened to exactly the roles that hold what it asks for', async () => {
  const node = await fleet.database.transact((sql) =>
    createNode(
      sql,
      { source_node_id: 'n1', tenants: 'all', public_keys: [] },
      { seals: fleet.database.seals },
    ),
  )
  const keys: Readonly<Record<string, string | undefined>> = {
    nobody: undefined,
    viewer: await fleet.key('viewer'),
    auditor: await fleet.key('auditor'),
    operator: await fleet.key('operator'),
    admin: await fleet.key('admin'),
    node: node.credential,
    source: (await addSource(fleet, 'otlp')).credential,
  }
  const wrong: string[] = []
  for (const { method, path, permission } of fleet.routes) {
    if (permission === 'public' || method === 'HEAD') continue
    for (const [who, key] of Object.entries(keys)) {
      const may = holders[permission]?.includes(who) === true
      const expected = may ? 'passed' : who === 'nobody' ? 'unknown' : 'denied'
      const found = await outcomeOf(key, method, path)
      if (found !== expected) wrong.push(`${who} at ${method} ${path}: ${found}, not ${expected}`)
    }
  }
  assert.deepEqual(wrong, [])
})

/** How far a request came: not recognised, recognised and not allowed, or into the route, whatever that made of it. */
async function outcomeOf(key: string | undefined, method: string, path: string): Promise<string> {
  const filled = path.replaceAll(/:[a-z_]+|\*/g, 'x')
  const response = await fetch(`${fleet.url}${filled}`, {
    method,
    headers: {
      ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
    },
    ...(method === 'GET' ? {} : { body: '{}' }),
  })
  // A tail has no end.
  if (response.ok) {
    await response.body?.cancel()
    return 'passed'
  }
  const { code, detail } = problemIn(await response.json())
  if (response.status === 401 && code === 'UNAUTHENTICATED') return 'unknown'
  if (response.status === 403 && /^this needs the permission [a-z]+:[a-z]+$/.test(detail ?? ''))
    return 'denied'
  return response.status === 429 || response.status >= 500 ? `${response.status} ${code}` : 'passed'
}

/** Where exporters send, a problem is a Status of theirs: its message begins with our code. */
function problemIn(body: unknown): { readonly code?: string; readonly detail?: string } {
  const { message, ...problem } = body as { message?: string; code?: string; detail?: string }
  const [, code, detail] = /^([A-Z_]+): (.*)$/.exec(message ?? '') ?? []
  return code === undefined || detail === undefined ? problem : { code, detail }
}

test('who administers one tenant governs that tenant and nothing else', async () => {
  const admin = await fleet.key('admin')
  const own = await fleet.key('admin', ['acme'])
  const grant = (key: string, tenants: unknown, role = 'viewer') =>
    fleet.ask(key, '/api/v1/grants', { method: 'POST', body: { to: { group: 'staff' }, role, tenants } })
  const foreign = (await grant(admin, ['b'])).body as { grant_id: string }
  const made = (await grant(own, ['acme'])).body as { grant_id: string }
  for (const tenants of [['b'], ['acme', 'b'], 'all']) assert.equal((await grant(own, tenants)).status, 403)
  assert.equal((await grant(own, ['acme'], 'admin')).status, 201, 'what it holds itself it may grant')
  const listed = (await fleet.ask(own, '/api/v1/grants')).body as {
    grants: { grant_id: string; tenants: unknown }[]
  }
  assert.ok(listed.grants.some(({ grant_id }) => grant_id === made.grant_id))
  assert.deepEqual(
    listed.grants.filter(({ tenants }) => JSON.stringify(tenants) !== '["acme"]'),
    [],
  )
  const revoke = async (key: string, { grant_id }: { grant_id: string }): Promise<number> =>
    (await fleet.ask(key, `/api/v1/grants/${grant_id}`, { method: 'DELETE' })).status
  assert.equal(await revoke(own, foreign), 404)
  assert.equal(await revoke(own, made), 200)
  for (const path of ['/api/v1/users']) assert.equal((await fleet.ask(own, path)).status, 403)
  assert.equal((await fleet.ask(own, '/api/v1/users', { method: 'POST', body: { name: 'x' } })).status, 403)
  assert.deepEqual(
    [await fleet.ask(own, '/api/v1/api-keys'), await fleet.ask(own, '/api/v1/sessions')].map(
      ({ body }) => body,
    ),
    [{ keys: [] }, { sessions: [] }],
  )
})

test('what nobody was granted is told, and an address that is not there is told apart only to who is somebody', async () => {
  const viewer = await fleet.key('viewer')
  assert.equal((await fleet.ask(viewer, '/api/v1/nothing')).status, 404)
  assert.equal((await fleet.ask(undefined, '/api/v1/nothing')).status, 401)
  const html = { headers: { accept: 'text/html' } }
  assert.equal((await fleet.ask(undefined, '/api/v1/nothing', html)).status, 401)
  await fleet.ask(viewer, '/api/v1/users')
  const rows = await fleet.told('ACCESS_DENIED')
  assert.partialDeepStrictEqual(rows.at(-1), {
    actor: `api_key:k_${viewer.slice(4, 16)}`,
    target: 'GET /api/v1/users',
    outcome: 'denied',
    detail: { permission: 'access:read' },
  })
})

test('answers carry the headers that keep browsers from doing more with them than asked', async () => {
  const { headers } = await fleet.ask(undefined, '/api/v1/me')
  assert.partialDeepStrictEqual(Object.fromEntries(headers), {
    'content-security-policy': headers.get('content-security-policy'),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'SAMEORIGIN',
  })
  assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/)
  assert.equal(headers.get('access-control-allow-origin'), null)
  assert.equal(headers.get('x-powered-by'), null)
})
