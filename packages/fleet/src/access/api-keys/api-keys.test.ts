// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { createSystemClock } from 'fasten/store'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet, type Answer } from '../../testing/fixtures/start-fleet.ts'
import type { ApiKey } from './api-key.ts'
import type { NewApiKey } from './create-api-key.ts'

const system = createSystemClock()
let aheadMs = 0
const clock = { ...system, nowMicros: () => system.nowMicros() + aheadMs * 1000 }
const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const fleet = await startFleet({ databaseUrl, clock })
after(async () => {
  await fleet.close()
  await postgres.remove()
})
const admin = await fleet.key('admin')

const day = 86_400_000
const make = (key: string | undefined, order: object): Promise<Answer> =>
  fleet.ask(key, '/api/v1/api-keys', { method: 'POST', body: order })
const listed = async (key: string): Promise<readonly ApiKey[]> =>
  ((await fleet.ask(key, '/api/v1/api-keys')).body as { keys: readonly ApiKey[] }).keys
const refusal = ({ status, body }: Answer): unknown => [status, (body as { code: string }).code]

test('a key opens until it is revoked, and nothing that is kept or shown later opens', async () => {
  const { status, headers, body } = await make(admin, {
    name: 'ci',
    permissions: ['audit:read'],
    tenants: ['acme'],
  })
  const { key, ...shown } = body as NewApiKey
  assert.deepEqual([status, headers.get('cache-control')], [201, 'no-store'])
  assert.match(key, /^flk_[a-z2-7]{12}_[A-Za-z0-9_-]{43}$/)
  assert.deepEqual(await listed(key), [], 'a key that reads audit rows sees no keys of others')
  const found = (await listed(admin)).find(({ key_id }) => key_id === shown.key_id)
  assert.deepEqual({ ...found, last_used_at: null }, shown)
  assert.ok(found?.last_used_at, 'it was used')

  const { rows } = await fleet.database.pool.query<{ all: string }>(
    "SELECT string_agg(k::text || encode(secret_sha256, 'escape'), ' ') AS all FROM fleet_api_keys k",
  )
  assert.doesNotMatch(rows[0]?.all ?? '', new RegExp(key.slice(-43)))

  const revoked = await fleet.ask(admin, `/api/v1/api-keys/${shown.key_id}`, { method: 'DELETE' })
  assert.equal(revoked.status, 200)
  assert.deepEqual(refusal(await fleet.ask(key, '/api/v1/api-keys')), [401, 'UNAUTHENTICATED'])
  assert.deepEqual(
    refusal(await fleet.ask(admin, `/api/v1/api-keys/${shown.key_id}`, { method: 'DELETE' })),
    [404, 'NO_SUCH_KEY'],
  )
  const told = (await fleet.told('API_KEY_CREATED', 'API_KEY_REVOKED', 'ACCESS_DENIED')).filter(
    ({ target }) => target === shown.key_id,
  )
  // A row of a transaction waits in the outbox for its place, so one that was emitted after it may come before it.
  assert.deepEqual(
    new Set(told.map(({ code, actor, outcome, reason }) => [code, actor, outcome, reason].join(' '))),
    new Set([
      `API_KEY_CREATED api_key:${keyId(admin)} success `,
      `API_KEY_REVOKED api_key:${keyId(admin)} success `,
      `ACCESS_DENIED api_key:${shown.key_id} denied the key was revoked`,
    ]),
  )
  assert.equal(told.length, 3)
  assert.match(JSON.stringify(told.map(({ source }) => source)), /"ip":"127\.0\.0\.1"/)
})

test('what is no key, a wrong secret and an unknown prefix are refused alike', async () => {
  const other = admin.slice(0, -1) + (admin.endsWith('A') ? 'B' : 'A')
  const unknown = admin.replace(/^flk_.{12}/, 'flk_aaaaaaaaaaaa')
  const answers = await Promise.all(
    [other, unknown, 'flk_', `${admin}x`, admin.toUpperCase()].map((key) =>
      fleet.ask(key, '/api/v1/api-keys'),
    ),
  )
  for (const { status, body } of answers) assert.deepEqual([status, body], [401, answers[0]?.body])
  assert.deepEqual(refusal(await fleet.ask(undefined, '/api/v1/api-keys')), [401, 'UNAUTHENTICATED'])
})

test('a key is never worth more than its maker', async () => {
  const narrow = (
    await make(admin, {
      name: 'a',
      permissions: ['audit:read', 'access:manage', 'access:read'],
      tenants: ['acme', 'b'],
    })
  ).body as NewApiKey
  assert.deepEqual(refusal(await make(narrow.key, { name: 'n', permissions: ['audit:read'] })), [
    403,
    'FORBIDDEN',
  ])
  assert.deepEqual(refusal(await make(admin, { name: 'n', permissions: ['ingest:push'] })), [
    403,
    'EXCEEDS_RIGHTS',
  ])
  const viewer = await fleet.key('viewer')
  assert.deepEqual(refusal(await make(viewer, { name: 'n', permissions: ['audit:read'] })), [
    403,
    'FORBIDDEN',
  ])
})

test('an expired key is refused, and its use is written down once a minute at most', async () => {
  const { key, key_id } = (
    await make(admin, { name: 'short', permissions: ['access:read'], expires_in_days: 1 })
  ).body as NewApiKey
  const used = async () => (await listed(key)).find((each) => each.key_id === key_id)?.last_used_at
  const first = await used()
  assert.equal(await used(), first)
  aheadMs = 61_000
  const later = await used()
  assert.notEqual(later, first)
  aheadMs = day + 1000
  assert.equal((await fleet.ask(key, '/api/v1/api-keys')).status, 401)
  aheadMs = 0
  assert.equal(await used(), later, 'a clock that went back changes nothing')
})

test('unknown members and wrong values are refused without repeating them', async () => {
  for (const order of [
    { name: 'x', permissions: ['audit:read'], tenant: 'hunter2-secret' },
    { name: 'x', permissions: ['hunter2-secret'] },
    { name: '', permissions: ['audit:read'] },
    { name: 'x', permissions: [] },
    { name: 'x', permissions: ['audit:read'], codes: ['A*B'] },
    { name: 'x', permissions: ['audit:read'], expires_in_days: 0 },
  ]) {
    const { status, body } = await make(admin, order)
    assert.equal(status, 400, JSON.stringify(order))
    assert.doesNotMatch(JSON.stringify(body), /hunter2/)
  }
})

test('fleet admin key, then fleet keys create, list and revoke', async () => {
  const main = join(import.meta.dirname, '../../cli/main.ts')
  const run = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--conditions=fasten-source', main, ...args],
      { env: { PATH: process.env['PATH'], ...env } },
    )
    return stdout.trim()
  }
  const first = await run(['admin', 'key', 'of the test'], {
    FLEET_DATABASE_URL: databaseUrl,
    FLEET_DATA_DIR: fleet.dataDir,
    FLEET_SERVER_ID: 's1',
  })
  const env = { FLEET_URL: fleet.url, FLEET_TOKEN: first }
  const second = await run(
    ['keys', 'create', 'ci', '--permission', 'audit:read', '--tenant', 'acme', 'b'],
    env,
  )
  assert.match(
    await run(['keys', 'list'], env),
    new RegExp(`k_${second.slice(4, 16)}  ci  audit:read  acme,b  until`),
  )
  assert.equal(await run(['keys', 'revoke', keyId(second)], env), `${keyId(second)} is revoked`)
  await assert.rejects(
    run(['keys', 'list'], { ...env, FLEET_TOKEN: second }),
    /FLEET_COMMAND_REFUSED.*UNAUTHENTICATED/,
  )
  const [row] = (await fleet.told('API_KEY_CREATED')).filter(({ target }) => target === keyId(first))
  assert.match(String(row?.['actor']), /^os:/)
})

function keyId(key: string): string {
  return `k_${key.slice(4, 16)}`
}
