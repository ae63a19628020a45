// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { createSystemClock, openStore, parseDsn } from 'fasten/store'
import { spooled } from 'fasten/testing'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { createApiKey } from '../../access/api-keys/create-api-key.ts'
import { permissionsOf } from '../../web/principal.ts'
import { startFleet } from '../../testing/fixtures/start-fleet.ts'
import { createTraffic, type Of } from '../fixtures/red-fleet.ts'
import { slowRoutes } from '../fixtures/slow-routes.ts'

const server = await startPostgres()
const fleet = await startFleet({ databaseUrl: await server.freshDatabase() })
after(async () => {
  await fleet.close()
  await server.remove()
})

/** Two hours of acme's accesses, every sixth of them failing, one of another tenant beside each. */
const source = createTraffic()
const drafts = Array.from({ length: 240 }, (_, i) => {
  const timestamp = `2031-03-01T${String(8 + Math.floor(i / 120)).padStart(2, '0')}:${String(Math.floor(i / 2) % 60).padStart(2, '0')}:30.000000Z`
  const one = (of: Of, duration_us: number) =>
    source.api(of, {
      timestamp,
      route: `/r/${i % 3}`,
      method: 'GET',
      status: i % 6 === 0 ? 500 : i % 6 === 1 ? 404 : 200,
      duration_us,
      request_id: `${of.tenant}-${i}`,
      trace_id: 'ab'.repeat(16),
    })
  return [
    one({ tenant: 'acme', node: `n${i % 2}` }, 1000 * (i + 1)),
    one({ tenant: 'umbrella' }, 77_000_000),
    source.audit({ tenant: i % 2 === 0 ? 'acme' : 'umbrella' }, { timestamp, code: 'ORDER_PLACED' }),
  ]
}).flat()
const store = await openStore({
  dsn: parseDsn(fleet.database.ownerUrl, { at: 'test' }),
  streams: ['audit', 'sys', 'api'],
})
await store.append({ spool: '00000000000000bb', position: 1n, drafts: drafts.map(spooled) })
await store.close()
const viewer = await fleet.key('viewer', ['acme'])
const auditor = await fleet.key('auditor', 'all')
await counted()

/** The follower of the server that runs has come to what was stored. */
async function counted(): Promise<void> {
  for (;;) {
    const { rows } = await fleet.database.pool.query<{ counted: string }>(
      'SELECT sum(requests) AS counted FROM fleet_red WHERE tier = 4',
    )
    const { rows: codes } = await fleet.database.pool.query<{ rows: string }>(
      `SELECT sum(rows) AS rows FROM fleet_red_codes JOIN fleet_red_code_series USING (series_id) WHERE tier = 4 AND code = 'ORDER_PLACED'`,
    )
    if (Number(rows[0]?.counted) >= 480 && Number(codes[0]?.rows) >= 240) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

const day = 'since=2031-03-01T08:00:00Z&until=2031-03-01T10:00:00Z'
interface Numbers {
  readonly requests: number
  readonly errors: number
  readonly client_errors: number
  readonly sum_us: string
  readonly max_us: number
  readonly p50_us: number
  readonly p99_us: number
}
type Group = Numbers & {
  readonly group: Record<string, string>
  readonly exemplars: Record<string, { readonly request_id: string }>
  readonly steps: readonly (Numbers & { readonly at: string })[]
  readonly compared: Group | null
}
interface Red {
  readonly since: string
  readonly until: string
  readonly total: Group
  readonly groups: readonly Group[]
  readonly top_routes: readonly Group[]
}
const ask = async <T>(key: string | undefined, path: string): Promise<T> => {
  const { status, body } = await fleet.ask(key, path)
  assert.equal(status, 200, JSON.stringify(body))
  return body as T
}

test('rate, errors, durations and exemplars of one tenant are those of its rows, and no others', async () => {
  const red = await ask<Red>(viewer, `/api/v1/metrics/red?${day}`)
  const { requests, errors, client_errors, sum_us, max_us, p50_us, exemplars } = red.total
  assert.deepEqual(
    { requests, errors, client_errors, sum_us, max_us },
    { requests: 240, errors: 40, client_errors: 40, sum_us: String((240 * 241 * 1000) / 2), max_us: 240_000 },
  )
  assert.ok(Math.abs(p50_us - 120_000) <= 1200, `${p50_us}`)
  assert.deepEqual(
    { slowest: exemplars['slowest']?.request_id, error: exemplars['latest_error']?.request_id },
    { slowest: 'acme-239', error: 'acme-234' },
  )
  assert.deepEqual(
    red.top_routes.map(({ group, requests: own }) => [group['route'], own]),
    [
      ['/r/0', 80],
      ['/r/1', 80],
      ['/r/2', 80],
    ],
  )
  assert.doesNotMatch(JSON.stringify(red), /umbrella|77000000/)
})

test('naming another tenant in a filter shows nothing of it', async () => {
  const red = await ask<Red>(viewer, `/api/v1/metrics/red?${day}&tenant=umbrella&group_by=tenant,route`)
  assert.deepEqual([red.total.requests, red.groups, red.top_routes], [0, [], []])
  const codes = await ask<{ rows: number }>(viewer, `/api/v1/metrics/codes?${day}&tenant=umbrella`)
  assert.equal(codes.rows, 0)
})

test('groups, steps and a range to compare with add up', async () => {
  const red = await ask<Red>(
    viewer,
    `/api/v1/metrics/red?since=2031-03-01T09:00:00Z&until=2031-03-01T10:00:00Z&step=15m&group_by=node&compare=previous`,
  )
  assert.deepEqual(
    red.groups.map(({ group, requests, compared }) => [group, requests, compared?.requests]),
    [
      [{ node: 'n0' }, 60, 60],
      [{ node: 'n1' }, 60, 60],
    ],
  )
  const [first] = red.groups
  assert.deepEqual(
    first?.steps.map(({ at, requests }) => [at.slice(11, 16), requests]),
    [
      ['09:00', 15],
      ['09:15', 15],
      ['09:30', 15],
      ['09:45', 15],
    ],
  )
  assert.equal(red.total.compared?.sum_us, String((120 * 121 * 1000) / 2))
})

test('a range that cuts hours and days is answered to the minute', async () => {
  const red = await ask<Red>(
    viewer,
    '/api/v1/metrics/red?since=2031-02-27T12:34:00Z&until=2031-03-01T09:07:00Z',
  )
  assert.deepEqual([red.until, red.total.requests], ['2031-03-01T09:07:00.000Z', 134])
})

test('audit rows are counted by code and outcome', async () => {
  const answer = await ask<{ groups: unknown }>(
    viewer,
    `/api/v1/metrics/codes?${day}&step=1h&code=ORDER_PLACED`,
  )
  assert.deepEqual(answer.groups, [
    {
      group: { code: 'ORDER_PLACED', outcome: 'success' },
      rows: 120,
      steps: [
        { at: '2031-03-01T08:00:00.000Z', rows: 60 },
        { at: '2031-03-01T09:00:00.000Z', rows: 60 },
      ],
    },
  ])
  const all = await ask<{ rows: number }>(auditor, `/api/v1/metrics/codes?${day}&code=ORDER_PLACED`)
  assert.equal(all.rows, 240)
})

test('questions that make no sense are refused with the reason, and nobody asks without a credential or with one that is bound to codes', async () => {
  const statuses: [string, number][] = []
  for (const query of [
    'step=90',
    'since=never',
    'since=-1h&until=-2h',
    'nonsense=1',
    'group_by=actor',
    'step=1m&since=-30d',
  ])
    statuses.push([query, (await fleet.ask(viewer, `/api/v1/metrics/red?${query}`)).status])
  assert.deepEqual(
    statuses.filter(([, status]) => status !== 422 && status !== 400),
    [],
  )
  assert.equal((await fleet.ask(undefined, '/api/v1/metrics/red')).status, 401)
  const maker = {
    actor: 'os:test',
    rights: [{ permissions: new Set(permissionsOf.admin), tenants: 'all' as const }],
  }
  const order = {
    name: 'bound',
    permissions: permissionsOf.viewer,
    tenants: 'all' as const,
    codes: ['*'],
    expiresInDays: 1,
  }
  const bound = await createApiKey({ ...fleet, clock: createSystemClock() }, maker, order)
  for (const path of ['/api/v1/metrics/red', '/api/v1/metrics/codes', '/metrics'])
    assert.equal((await fleet.ask(bound.key, path)).status, 403, path)
})

test('every answer is told with who asked', async () => {
  await ask(viewer, `/api/v1/metrics/red?${day}&route=/r/1`)
  const told = await fleet.told('METRICS_READ')
  const { detail } = told.at(-1) as unknown as { detail: { operation: string; tenants: string } }
  assert.deepEqual([detail.operation, detail.tenants], ['red', '["acme"]'])
})

test('Prometheus scrapes counters and histograms with exemplars, of the tenants of its key and of the fleet for all of them', async () => {
  const scrape = (key: string | undefined, accept: string) =>
    fleet
      .ask(key, '/metrics', { headers: { accept } })
      .then(({ status, body }) => ({ status, text: String(body) }))
  assert.equal((await scrape(undefined, 'text/plain')).status, 401)
  const own = await scrape(viewer, 'application/openmetrics-text; version=1.0.0')
  const lines = own.text.split('\n')
  assert.ok(
    lines.includes(
      `fasten_requests_total{tenant="acme",service="shop",route="/r/0",method="GET",status_class="5xx"} 40 # {request_id="acme-234",trace_id="${'ab'.repeat(16)}"} 1 1930125450`,
    ),
    own.text,
  )
  const count =
    'fasten_request_duration_seconds_count{tenant="acme",service="shop",route="/r/2",method="GET"} 80'
  assert.ok(lines.includes(count), own.text)
  // 1 to 240 ms, each third of them, in /r/2: 3, 6, … 240 ms.
  const bound = /_bucket\{tenant="acme",service="shop",route="\/r\/2",method="GET",le="0.1"\} (\d+)/.exec(
    own.text,
  )?.[1]
  assert.ok(Math.abs(Number(bound) - 33) <= 1, bound)
  assert.equal(lines.at(-2), '# EOF')
  assert.doesNotMatch(own.text, /umbrella|fleet_|process_/)
  const whole = await scrape(auditor, 'text/plain')
  assert.match(whole.text, /^fasten_requests_total\{tenant="umbrella".*status_class="2xx"\} \d+$/m)
  assert.match(whole.text, /^fleet_follower_position\{stream="api"\} \d+$/m)
  assert.match(whole.text, /^fleet_logs [1-9]\d*$/m)
  assert.match(whole.text, /^fleet_verification_failed_logs 0$/m)
  assert.match(whole.text, /^fleet_verification_lag_rows \d+$/m)
  assert.match(whole.text, /^process_cpu_seconds_total \d/m)
  assert.doesNotMatch(whole.text, /request_id/)
})

test('a server that is told to shows its metrics to whoever reaches it', async () => {
  const open = await startFleet({
    databaseUrl: new URL(fleet.database.ownerUrl).href.replace(/[?&]schema=fleet/, ''),
    env: {
      FLEET_METRICS: 'public',
      FLEET_SERVER_ID: 's2',
      FLEET_SECRET: readFileSync(join(fleet.dataDir, 'secret'), 'utf8').trim(),
    },
  })
  const { status, body } = await open.ask(undefined, '/metrics')
  const red = await open.ask(undefined, '/api/v1/metrics/red')
  await open.close()
  assert.deepEqual([status, red.status], [200, 401])
  assert.match(String(body), /^fleet_stored_rows_total \d+$/m)
})

test('the example of the guide does what it says', async () => {
  const lines = await slowRoutes(fleet.url, viewer, {
    since: '2031-03-01T08:00:00Z',
    until: '2031-03-01T10:00:00Z',
  })
  assert.deepEqual(lines.map((line) => line.replace(/p99 [\d.]+ ms/, 'p99 … ms')).toSorted(), [
    'shop /r/0: 80 requests, 40 errors, p99 … ms, see acme-237',
    'shop /r/1: 80 requests, 0 errors, p99 … ms, see acme-238',
    'shop /r/2: 80 requests, 0 errors, p99 … ms, see acme-239',
  ])
})
