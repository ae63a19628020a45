// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { openForReading } from 'fasten/store'
import { Client } from 'pg'
import { openTestFleet } from './fixtures/fleet-of-tenants.ts'

const fleet = await openTestFleet()
after(() => fleet.remove())
const long = 'x'.repeat(62)
/** Alike in all that an index keeps of them, also where a character lies across its end. */
const actors = [`${long}`, `${long}a`, `${long}ab`, `${long}ac`, `${long}é`, `${long}éa`, `${long}😀`]
await fleet.write({ tenant: 'acme' }, (node) => {
  for (const actor of actors)
    node.emit({ code: 'CLOCK_STEP', target: actor, actor, on_behalf_of: actor, request_id: 'r-1' })
})

test('texts that an index keeps the beginning of are still told apart, and found by their beginning', async () => {
  const store = await openForReading(await fleet.database.readerUrl(['acme']))
  const found = async (filter: object) =>
    (await store.scan({ stream: 'audit', order: 'oldest', limit: 100, filter })).map(({ row }) =>
      row.stream === 'audit' ? row.actor : '',
    )
  for (const actor of actors)
    for (const member of ['actor', 'target', 'on_behalf_of'])
      assert.deepEqual(await found({ [member]: actor }), [actor], `${member} ${actor.slice(60)}`)
  assert.equal((await found({ code: 'CLOCK_ST*' })).length, actors.length)
  assert.equal((await found({ code: 'CLOCK_STEP' })).length, actors.length)
  assert.deepEqual(await found({ code: 'CLOCK_STE' }), [])
  assert.equal((await found({ request_id: 'r-1' })).length, actors.length)
  await store.close()
})

test('what the reading role asks for reaches an index', async () => {
  const url = new URL(await fleet.database.readerUrl(['acme']))
  const options = `${url.searchParams.get('options')} -c search_path=fleet -c enable_seqscan=off`
  url.search = ''
  const client = new Client({ connectionString: url.href, options })
  await client.connect()
  // Without scans of whole tables a plan takes any index that it may; one that it may not shows as a filter.
  for (const [table, condition] of [
    ['audit_log', "request_id = 'a'"],
    ['sys_log', "request_id = 'a'"],
    ['api_log', "request_id = 'a'"],
    ['audit_log', "actor::name = 'a'::name"],
    ['audit_log', "code::name = 'a'::name"],
    ['audit_log', "code::name >= 'a'::name AND code::name < 'b'::name"],
    ['audit_log', "target::name = 'a'::name"],
    ['audit_log', "on_behalf_of::name = 'a'::name"],
    ['api_log', "route::name = 'a'::name"],
    ['audit_log', "tenant_id::name = 'a'::name"],
    ['sys_log', "tenant_id::name = 'a'::name"],
    ['api_log', "tenant_id::name = 'a'::name"],
    ['api_log', 'status = 500::bigint'],
  ] as const) {
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(
      `EXPLAIN SELECT leaf FROM ${table} WHERE ${condition} ORDER BY "timestamp" DESC, position DESC LIMIT 100`,
    )
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    const member = condition.split(/[ :]/)[0] ?? ''
    assert.match(plan, new RegExp(`Index Cond: .*${member}`), `${condition}\n${plan}`)
  }
  await client.end()
})

test('a total beyond what is counted is an estimate of the rows that may be seen, and says so', async () => {
  await fleet.write({ tenant: 'umbrella' }, (node) => node.emit({ code: 'CLOCK_STEP', target: 'x' }))
  for (const [tenant, rows] of [
    ['acme', 12_000],
    ['umbrella', 12_000],
  ] as const)
    await fleet.database.pool.query(
      `INSERT INTO audit_log (stored_on, position, log_id, monotonic_seq, id, timestamp, code, actor, tenant_id)
      SELECT (now() AT TIME ZONE 'UTC')::date, 1000000 + l.log_id * 100000 + n, l.log_id, 1000 + n, 'evt-' || l.log_id || 'x' || n,
        '2026-11-26T00:00:00.000000Z', CASE WHEN n % 10 = 0 THEN 'RARE' ELSE 'USUAL' END, 'user:ada', $1
      FROM generate_series(1, $2::int) AS n, fasten_logs l WHERE l.log LIKE $1 || '/%' AND l.table_name = 'audit_log'`,
      [tenant, rows],
    )
  // As far as their logs are, as with rows that came in the usual way.
  await fleet.database.pool.query(
    `UPDATE fasten_logs l SET position = (SELECT max(position) FROM audit_log r WHERE r.log_id = l.log_id)
    WHERE table_name = 'audit_log'`,
  )
  await fleet.database.pool.query('ANALYZE audit_log')
  const totalOf = async (tenants: readonly string[] | 'all', query: string) => {
    const { body, text } = await fleet.get(`/api/v1/audit?limit=1&${query}`, {
      name: 'ann',
      role: 'auditor',
      tenants,
    })
    const { total, total_kind } = body as { total: number; total_kind: string }
    assert.ok(typeof total === 'number', text)
    return { total, total_kind }
  }
  const close = (found: { total: number; total_kind: string }, to: number): void => {
    assert.equal(found.total_kind, 'estimated')
    assert.ok(Math.abs(found.total - to) < to / 5, `${found.total} is about ${to}`)
  }
  assert.deepEqual(await totalOf(['acme'], ''), { total: 10_000, total_kind: 'at_least' })
  assert.deepEqual(await totalOf(['acme'], 'code=CLOCK_STEP&total=estimated'), {
    total: 7,
    total_kind: 'exact',
  })
  close(await totalOf(['acme'], 'total=estimated'), 12_000)
  close(await totalOf(['acme'], 'code=USUAL&total=estimated'), 10_800)
  close(await totalOf(['acme', 'umbrella'], 'code=USUAL&total=estimated'), 21_600)
  close(await totalOf('all', 'total=estimated'), 24_000)
  assert.deepEqual(await totalOf(['acme', '_'], 'total=estimated'), { total: 10_000, total_kind: 'at_least' })
  assert.deepEqual(await totalOf(['acme'], 'code=RARE&total=exact'), { total: 1_200, total_kind: 'exact' })
})
