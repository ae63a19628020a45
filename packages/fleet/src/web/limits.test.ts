// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { addressGroup } from './address-group.ts'

const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
after(() => postgres.remove())

test('a credential and an address have so many requests a minute, then 429 and when to come again', async () => {
  const fleet = await startFleet({
    databaseUrl,
    env: { FLEET_RATE_LIMIT: '10', FLEET_RATE_LIMIT_ADDRESS: '40', FLEET_TRUST_PROXY: '1' },
  })
  const from = (address: string, key: string | undefined) =>
    fleet.ask(key, '/api/v1/me', { headers: { 'x-forwarded-for': address } })
  const counted = async (requests: number, ask: () => Promise<{ status: number }>) => {
    const statuses: Record<number, number> = {}
    const answers = await Promise.all(Array.from({ length: requests }, ask))
    for (const { status } of answers) statuses[status] = (statuses[status] ?? 0) + 1
    return statuses
  }
  const [a, b] = [await fleet.key('viewer'), await fleet.key('viewer')]
  assert.deepEqual(await counted(12, () => from('192.0.2.1', a)), { 200: 10, 429: 2 })
  assert.deepEqual(await counted(1, () => from('192.0.2.2', a)), { 429: 1 }, 'from elsewhere, too')
  assert.deepEqual(await counted(1, () => from('192.0.2.1', b)), { 200: 1 }, 'another credential')
  assert.deepEqual(await counted(45, () => from('2001:db8::1', undefined)), { 401: 40, 429: 5 })
  const refused = await from('2001:db8::ffff', b)
  assert.deepEqual([refused.status, (refused.body as { code: string }).code], [429, 'TOO_MANY_REQUESTS'])
  assert.match(refused.headers.get('retry-after') ?? '', /^[1-9]\d?$/)
  assert.equal((await fleet.ask(undefined, '/healthz')).status, 200)
  await fleet.close()
})

test('a server that starts under other variables says which', async () => {
  const groups = (role: string): Readonly<Record<string, string>> => ({
    FLEET_PUBLIC_URL: 'https://fleet.example',
    FLEET_OIDC_ISSUER: 'https://idp.example',
    FLEET_OIDC_CLIENT_ID: 'fleet',
    FLEET_OIDC_CLIENT_SECRET: 'not to be told 123456',
    FLEET_OIDC_GROUPS: JSON.stringify({ staff: { role, tenants: 'all' } }),
    FLEET_SECRET: 'ab'.repeat(32),
  })
  const fresh = await postgres.freshDatabase()
  const rows = []
  for (const role of ['viewer', 'viewer', 'admin']) {
    const fleet = await startFleet({ databaseUrl: fresh, env: groups(role) })
    rows.push(await fleet.told('CONFIG_CHANGED'))
    await fleet.close()
  }
  assert.deepEqual(
    rows.map(({ length }) => length),
    [1, 1, 2],
  )
  assert.partialDeepStrictEqual(rows[2]?.[1], {
    reason: 'started with other variables',
    detail: {
      before: { groups: { staff: [{ role: 'viewer', tenants: 'all' }] } },
      after: { groups: { staff: [{ role: 'admin', tenants: 'all' }] } },
    },
  })
  assert.doesNotMatch(JSON.stringify(rows), /not to be told/)
})

test('an IPv6 address counts with its /64, and one that holds an IPv4 address as that', () => {
  const grouped = [
    '192.0.2.7',
    '::ffff:192.0.2.7',
    '2001:db8:1:2:3:4:5:6',
    '2001:db8:1:2::',
    '::1',
    '2001:db8::9',
  ]
  assert.deepEqual(grouped.map(addressGroup), [
    '192.0.2.7',
    '192.0.2.7',
    '2001:db8:1:2::/64',
    '2001:db8:1:2::/64',
    '0:0:0:0::/64',
    '2001:db8:0:0::/64',
  ])
})
