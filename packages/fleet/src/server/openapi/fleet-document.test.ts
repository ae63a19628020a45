// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { bodyOf, startNode } from '../../ingest/fixtures/real-node.ts'
import { push } from '../../ingest/fixtures/pushing.ts'
import { startFleet } from '../../testing/fixtures/start-fleet.ts'
import { toldRoutes } from './answers.ts'

const postgres = await startPostgres()
const fleet = await startFleet({ databaseUrl: await postgres.freshDatabase() })
const node = startNode({ tenant_id: 'acme' })
after(async () => {
  await node.close()
  await fleet.close()
  await postgres.remove()
})
const admin = await fleet.key('admin')

interface Operation {
  readonly operationId: string
  readonly responses: Readonly<
    Record<string, { readonly content?: Readonly<Record<string, { schema?: object }>> }>
  >
  readonly 'x-permission': string
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: object
}
const document = (await fleet.ask(admin, '/api/v1/openapi.json')).body as Document
const ajv = new Ajv2020({ strict: false, validateFormats: false })
ajv.addSchema(document, 'fleet')

const pathOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{rest}')

/** An answer, which has to be what the document says of this route. */
async function answers(
  method: string,
  route: string,
  {
    path = route,
    body,
    key = admin,
  }: { readonly path?: string; readonly body?: unknown; readonly key?: string | undefined } = {},
): Promise<Record<string, never>> {
  const answer = await fleet.ask(key, path, { method, ...(body === undefined ? {} : { body }) })
  const told = document.paths[pathOf(route)]?.[method.toLowerCase()]
  assert.ok(told !== undefined, `${method} ${route} is in the document`)
  const content = told.responses[answer.status]?.content ?? told.responses['default']?.content ?? {}
  assert.ok(
    answer.status in told.responses || answer.status >= 400,
    `${method} ${route}: ${answer.status} ${JSON.stringify(answer.body)}`,
  )
  const [media] = Object.keys(content)
  if (media?.includes('json') === true) {
    const at = answer.status in told.responses ? String(answer.status) : 'default'
    const pointer = [
      'paths',
      pathOf(route),
      method.toLowerCase(),
      'responses',
      at,
      'content',
      media,
      'schema',
    ]
    const where = pointer
      .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
      .join('/')
    const validate = ajv.compile({ $ref: `fleet#/${where}` })
    assert.ok(
      validate(answer.body),
      `${method} ${route}: ${ajv.errorsText(validate.errors)}\n${JSON.stringify(answer.body)}`,
    )
  }
  return answer.body as Record<string, never>
}

test('every route is in the document, with the permission it asks for, a name of its own and what it answers', () => {
  const ids: string[] = []
  for (const { method, path, permission, isPage } of fleet.routes) {
    if (isPage || method === 'HEAD') continue
    const told = document.paths[pathOf(path)]?.[method.toLowerCase()]
    assert.equal(told?.['x-permission'], permission, `${method} ${path}`)
    ids.push(told?.operationId ?? '')
    const isReaders = Object.keys(told?.responses ?? {}).length > 4
    assert.ok(isReaders || `${method} ${path}` in toldRoutes, `${method} ${path} stands in answers.ts`)
  }
  assert.equal(new Set(ids).size, ids.length)
  const declared = new Set(fleet.routes.map(({ method, path }) => `${method} ${path}`))
  // Those of an identity provider are there where one is configured.
  const stale = Object.keys(toldRoutes).filter((route) => !declared.has(route) && !route.includes('/oidc'))
  assert.deepEqual(stale, [])
})

test('what is answered is what the document says', async () => {
  await answers('GET', '/healthz', { key: undefined })
  await answers('GET', '/readyz', { key: undefined })
  await answers('GET', '/ingest/v1', { key: undefined })
  for (const path of [
    '/me',
    '/sessions',
    '/users',
    '/grants',
    '/api-keys',
    '/enrolment-tokens',
    '/alarms',
    '/sources',
    '/retention',
  ])
    await answers('GET', `/api/v1${path}`)
  const user = await answers('POST', '/api/v1/users', { body: { name: 'ada' } })
  await answers('PATCH', '/api/v1/users/:user_id', {
    path: `/api/v1/users/${user['user_id']}`,
    body: { locked: true },
  })
  const grant = await answers('POST', '/api/v1/grants', {
    body: { to: { group: 'ops' }, role: 'viewer', tenants: ['acme'] },
  })
  await answers('DELETE', '/api/v1/grants/:grant_id', { path: `/api/v1/grants/${grant['grant_id']}` })
  const key = await answers('POST', '/api/v1/api-keys', { body: { name: 'k', permissions: ['audit:read'] } })
  await answers('DELETE', '/api/v1/api-keys/:key_id', { path: `/api/v1/api-keys/${key['key_id']}` })
  const hold = await answers('POST', '/api/v1/holds', {
    body: { rows: { actor: 'user:bob' }, reason: 'a case' },
  })
  await answers('GET', '/api/v1/holds')
  await answers('POST', '/api/v1/holds/:hold_id/release', {
    path: `/api/v1/holds/${hold['hold_id']}/release`,
    body: { reason: 'closed' },
  })

  const { token, token_id } = await answers('POST', '/api/v1/enrolment-tokens', {
    body: { tenants: ['acme'], uses: 2 },
  })
  const enrolled = await answers('POST', '/ingest/v1/enrol', {
    key: undefined,
    body: { token, source_node_id: 'n1', software: 'fasten/0.1.0', public_keys: [node.publicKey()] },
  })
  await answers('DELETE', '/api/v1/enrolment-tokens/:token_id', {
    path: `/api/v1/enrolment-tokens/${token_id}`,
  })
  await node.live(3)
  const log = node.logOf('audit')
  const { lines, checkpoint } = await node.read(log)
  const pushedRows = await push(
    fleet.url,
    enrolled['credential'] ?? '',
    bodyOf({ log, from: 0, lines, checkpoint }),
  )
  const rowsTold = ajv.compile({
    $ref: 'fleet#/paths/~1ingest~1v1~1rows/post/responses/200/content/application~1json/schema',
  })
  assert.ok(rowsTold(pushedRows.body), ajv.errorsText(rowsTold.errors))
  await answers('POST', '/ingest/v1/places', { key: enrolled['credential'], body: { logs: [log] } })
  await answers('POST', '/ingest/v1/status', {
    key: enrolled['credential'],
    body: {
      software: 'fasten/0.1.0',
      sent_at: '2026-11-26T12:00:00.000000Z',
      logs: [{ log, size: lines.length, signed_size: lines.length }],
      spool: { rows: 0, bytes: 0 },
      stats: {},
    },
  })
  await answers('GET', '/api/v1/nodes')
  const one = `/api/v1/nodes/${enrolled['node_id']}`
  await answers('GET', '/api/v1/nodes/:node_id', { path: one })
  await answers('POST', '/api/v1/nodes/:node_id/settings', {
    path: `${one}/settings`,
    body: { silent_after_s: 60 },
  })
  await answers('POST', '/api/v1/nodes/:node_id/rotate', { path: `${one}/rotate` })
  await answers('POST', '/api/v1/nodes/:node_id/credential', { path: `${one}/credential` })
  await answers('POST', '/api/v1/nodes/:node_id/revoke', { path: `${one}/revoke` })

  await answers('GET', '/api/v1/metrics/red')
  await answers('GET', '/api/v1/metrics/codes')
  await answers('GET', '/api/v1/tenants')
  await answers('GET', '/api/v1/audit', { path: '/api/v1/audit?code=DOCTOR_PROBE' })
  await answers('GET', '/api/v1/verify', { path: `/api/v1/verify?log=${encodeURIComponent(log)}` })
  const { rows } = await answers('GET', '/api/v1/audit', { path: '/api/v1/audit?code=DOCTOR_PROBE&limit=1' })
  const [row] = rows as unknown as { request_id: string }[]
  await answers('GET', '/api/v1/traces/:request_id', { path: `/api/v1/traces/${row?.request_id}` })
  await answers('GET', '/api/v1/entities/:kind/:id/timeline', { path: '/api/v1/entities/valve/1/timeline' })
  await answers('POST', '/api/v1/sql', { body: { sql: 'SELECT code FROM audit' } })
  // And what goes wrong is a problem.
  await answers('POST', '/api/v1/sql', { body: { sql: 'DELETE FROM audit' } })
  await answers('GET', '/api/v1/nodes/:node_id', { path: '/api/v1/nodes/nobody' })
})
