// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { openTestFleet, type Who } from '../fixtures/fleet-of-tenants.ts'

const meta = { category: 'test', action: 'test.do', severity: 'info', description: 'A test.' } as const
const fleet = await openTestFleet()
after(() => fleet.remove())
const marker = 'FOREIGN-7f3a'
for (const tenant of ['acme', 'umbrella'])
  await fleet.write({ tenant, node: `n-${tenant}` }, (node) => {
    node.register('test', { TEST_ONE: meta })
    const mark = tenant === 'acme' ? 'own' : marker
    for (let index = 0; index < 5; index++)
      node.emit({
        code: 'TEST_ONE',
        target: `${mark}${index}`,
        actor: `user:${mark}`,
        request_id: `r-${mark}`,
        detail: { mark, index },
      })
    node.log.info('marked', { mark })
    node.recordApi({ method: 'GET', path: `/${mark}`, status: 200, duration_us: 5 })
  })
const auditor: Who = { name: 'ann', role: 'auditor', tenants: ['acme'] }

async function sql(text: string, who: Who = auditor, more: object = {}) {
  const response = await fetch(`${fleet.url}/api/v1/sql`, {
    method: 'POST',
    headers: { authorization: `Bearer ${fleet.as(who)}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sql: text, ...more }),
  })
  const answer = await response.text()
  assert.ok(!answer.includes(marker), `${text} shows a foreign row: ${answer.slice(0, 500)}`)
  return { status: response.status, body: JSON.parse(answer) as Record<string, unknown>, text: answer }
}

test('an analyst counts, groups and joins the rows of their tenants', async () => {
  const { status, body } = await sql(
    "SELECT tenant, code, count(*) AS rows, min(detail->>'index')::int AS first FROM audit WHERE code LIKE 'TEST%' GROUP BY 1, 2;",
  )
  assert.equal(status, 200, JSON.stringify(body))
  assert.deepEqual(body['columns'], [
    { name: 'tenant', type: 'text' },
    { name: 'code', type: 'text' },
    { name: 'rows', type: 'bigint' },
    { name: 'first', type: 'integer' },
  ])
  assert.deepEqual(body['rows'], [['acme', 'TEST_ONE', 5, 0]])
  const joined = await sql(
    'WITH a AS (SELECT request_id, log FROM audit) SELECT count(DISTINCT a.log) FROM a, sys, api',
  )
  assert.deepEqual(joined.body['rows'], [[1]])
})

test('rows are cut at what was asked for, an answer too large is refused, and time ends', async () => {
  const cut = await sql('SELECT generate_series(1, 1000000000)', auditor, { rows_max: 3 })
  assert.deepEqual([cut.body['rows'], cut.body['is_cut']], [[[1], [2], [3]], true])
  const large = await sql("SELECT string_agg(n::text, '') FROM generate_series(1, 3000000) AS n")
  assert.deepEqual([large.status, large.body['code']], [413, 'SQL_TOO_LARGE'])
  const long = await sql('SELECT count(*) FROM (SELECT generate_series(1, 100000000000)) AS n', auditor, {
    timeout_ms: 300,
  })
  assert.deepEqual([long.status, long.body['code']], [408, 'SQL_TIMEOUT'])
})

test('attacks through the door are refused with a reason', async () => {
  for (const text of [
    "SELECT set_config('fleet.tenants', 'all', false)",
    `SELECT "set_config"('fleet.tenants', 'all', false)`,
    'SELECT U&"set\\005fconfig"(1)',
    "SET fleet.tenants = 'all'",
    'SELECT 1; SELECT 2',
    'DO $$ BEGIN PERFORM 1; END $$',
    'DELETE FROM audit_log',
    'WITH gone AS (DELETE FROM audit_log RETURNING 1) SELECT * FROM gone',
    'SELECT * INTO mine FROM audit',
    'COPY audit TO STDOUT',
    'EXPLAIN ANALYZE SELECT * FROM audit',
    'CREATE TABLE mine (a int)',
    'SELECT pg_sleep(60)',
    'SELECT pg_catalog.pg_sleep(60)',
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM dblink('', 'SELECT 1') AS t (a int)",
    'SELECT lo_import(1)',
    'SELECT pg_advisory_lock(1)',
    'SELECT * FROM pg_stat_activity',
    'SELECT * FROM "pg_stats"',
    "SELECT query_to_xml('SELECT 1', true, true, '')",
    "SELECT repeat('x', 1000000000)",
    "SELECT current_setting('fleet.tenants')",
    "SELECT 'audit_log'::regclass",
    'SELECT fleet_effects(ARRAY[1])',
    'SELECT 1) AS a; DELETE FROM audit_log; --',
    'SELECT /* /* */ */ pg_sleep/**/(60)',
    '',
  ]) {
    const { status, body } = await sql(text)
    assert.ok(status === 422 || status === 403, `${text} is ${status}: ${JSON.stringify(body)}`)
  }
})

test('what gets through the door fails at the database, and says nothing of foreign rows', async () => {
  for (const text of [
    'SELECT * FROM audit',
    'SELECT * FROM audit_log',
    'SELECT log FROM fasten_logs',
    'TABLE api',
    'SELECT leaf FROM sys',
    'SELECT target::int FROM audit',
    "SELECT 1 / (strpos(target, 'F') - 1) FROM audit",
    'SELECT count(*) FROM audit a WHERE (target)::int > 0 OR true',
    'SELECT * FROM api_log_2026_11',
    'SELECT (a.*)::text FROM audit a',
    'SELECT 1) AS one, (SELECT * FROM audit_log',
  ])
    await sql(text)
})

/** As the analyst's role itself, with everything but the database out of the way. */
async function asAnalyst<T>(work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: fleet.database.analystUrl })
  await client.connect()
  try {
    await client.query('SET search_path = fleet')
    return await work(client)
  } finally {
    await client.end()
  }
}

test('without the outer fence the database still shows nothing: a session that nobody noted has no tenant', async () => {
  await asAnalyst(async (client) => {
    await client.query("SELECT set_config('fleet.tenants', 'all', false)")
    for (const view of ['audit', 'sys', 'api', 'audit_log', 'sys_log', 'api_log', 'fasten_logs'])
      assert.deepEqual(
        (
          await client.query(
            `SELECT count(*)::int AS n FROM ${view.startsWith('fasten') ? `(SELECT log FROM ${view}) x` : view}`,
          )
        ).rows,
        [{ n: 0 }],
      )
    await client.query('SET default_transaction_read_only = off')
    for (const statement of [
      'SELECT * FROM fleet_analyst_sessions',
      "INSERT INTO fleet_analyst_sessions VALUES (pg_backend_pid(), true, '{}', NULL, now() + interval '1 day')",
      'SELECT * FROM fleet_meta',
      'SELECT * FROM fasten_checkpoints',
      "SELECT fleet_effects('{}')",
      'DELETE FROM audit_log',
      'CREATE TABLE fleet.mine (a int)',
      'CREATE OR REPLACE VIEW audit AS SELECT 1',
      'SET ROLE postgres',
      'ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY',
      "SELECT pg_read_file('/etc/passwd')",
      "COPY audit TO PROGRAM 'cat'",
      'SELECT * FROM pg_largeobject',
      'SELECT * FROM pg_authid',
    ])
      await assert.rejects(client.query(statement), { code: '42501' }, statement)
    const { rows: parts } = await client.query<{ name: string }>(
      "SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'audit_log'::regclass",
    )
    assert.ok(parts.length > 0)
    for (const { name } of parts)
      await assert.rejects(client.query(`SELECT * FROM ${name}`), { code: '42501' }, name)
    const { rows: samples } = await client.query(
      "SELECT * FROM pg_stats WHERE schemaname = 'fleet' AND tablename LIKE '%\\_log%'",
    )
    assert.deepEqual(samples, [], 'samples of values are kept from whoever row-level security binds')
  })
})

test('a noted session sees its tenants and not those of another, in whatever it asks', async () => {
  await asAnalyst(async (client) => {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await fleet.database.pool.query(
      "INSERT INTO fleet_analyst_sessions VALUES ($1, false, '{acme}', NULL, now() + interval '1 minute')",
      [rows[0]?.pid],
    )
    for (const query of [
      "SELECT set_config('fleet.tenants', 'all', false), leaf FROM audit_log",
      'EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM audit_log',
      'SELECT leaf FROM audit_log UNION ALL SELECT leaf FROM sys_log UNION ALL SELECT leaf FROM api_log',
      "SELECT query_to_xml('SELECT * FROM fleet.audit_log', true, true, '')",
      'SELECT log FROM fasten_logs',
      'SELECT query FROM pg_stat_activity',
    ]) {
      const { rows: shown } = await client.query(query)
      assert.ok(!JSON.stringify(shown).includes(marker), query)
      if (query.includes('leaf')) assert.ok(JSON.stringify(shown).includes('own'), `${query} shows its own`)
    }
    const leaking = await client
      .query(
        "CREATE FUNCTION pg_temp.leak(text) RETURNS boolean LANGUAGE plpgsql COST 0.0001 AS $$ BEGIN RAISE NOTICE '%', $1; RETURN true; END $$",
      )
      .then(
        () => true,
        () => false,
      )
    const notices: string[] = []
    client.on('notice', ({ message }) => notices.push(message ?? ''))
    if (leaking) await client.query('SELECT 1 FROM audit_log WHERE pg_temp.leak(leaf)')
    assert.ok(!notices.join().includes(marker), 'a cheap function is not asked before the policy')
  })
})

test('a bound to codes holds in SQL as well', async () => {
  const bound: Who = { ...auditor, codes: ['NOTHING_*'] }
  const { body } = await sql(
    'SELECT (SELECT count(*) FROM audit), (SELECT count(*) FROM sys), (SELECT count(*) FROM api)',
    bound,
  )
  assert.deepEqual(body['rows'], [[0, 0, 0]])
})

test('what the metrics counted is seen as the rows are', async () => {
  for (const [tenant, route] of [
    ['acme', '/own'],
    ['umbrella', `/${marker}`],
  ]) {
    const series = "decode(md5($1 || $2), 'hex')"
    await fleet.database.pool.query(
      `WITH s AS (INSERT INTO fleet_red_series (digest, tenant, service, node, route, method)
        VALUES (${series}, $1, 'shop', 'n', $2, 'GET') RETURNING series_id)
      INSERT INTO fleet_red (tier, at, series_id, status_class, tenant, requests, sum_us, max_us, sketch, slowest)
      SELECT tier, '2026-11-26T10:00:00Z', series_id, 2, $1, 3, 30, 20, '', jsonb_build_object('request_id', $2)
      FROM s, unnest(ARRAY[1, 2, 4]) AS tier`,
      [tenant, route],
    )
    await fleet.database.pool.query(
      `WITH s AS (INSERT INTO fleet_red_code_series (digest, tenant, service, code, outcome)
        VALUES (${series}, $1, 'shop', $2, 'success') RETURNING series_id)
      INSERT INTO fleet_red_codes (tier, at, series_id, tenant, rows) SELECT 2, '2026-11-26T10:00:00Z', series_id, $1, 5 FROM s`,
      [tenant, route],
    )
  }
  const asked =
    "SELECT width, tenant, service, route, requests, max_us FROM red_requests WHERE route <> '' ORDER BY width"
  assert.deepEqual((await sql(asked)).body['rows'], [
    ['hour', 'acme', 'shop', '/own', 3, 20],
    ['minute', 'acme', 'shop', '/own', 3, 20],
  ])
  assert.deepEqual((await sql('SELECT code, rows FROM red_codes')).body['rows'], [['/own', 5]])
  const both = 'SELECT (SELECT count(*) FROM red_requests), (SELECT count(*) FROM red_codes)'
  assert.deepEqual((await sql(both, { ...auditor, codes: ['*'] })).body['rows'], [[0, 0]])
  for (const table of ['fleet_red', 'fleet_red_series', 'fleet_red_codes'])
    assert.equal((await sql(`TABLE ${table}`)).status, 422)
  await asAnalyst(async (client) => {
    assert.deepEqual((await client.query('SELECT count(*) FROM red_requests')).rows, [{ count: '0' }])
    await assert.rejects(client.query('SELECT sketch FROM fleet_red'), { code: '42501' })
    await assert.rejects(client.query('SELECT slowest FROM fleet_red'), { code: '42501' })
  })
})

test('the text is told before it runs', async () => {
  await sql("SELECT 'told'")
  await fleet.fasten.flush()
  const { body } = await fleet.get('/api/v1/audit?code=SQL_RUN&limit=1000', {
    name: 'root',
    role: 'admin',
    tenants: 'all',
  })
  const texts = (body as { rows: { actor: string; detail: { sql: string } }[] }).rows.map(
    ({ detail }) => detail.sql,
  )
  assert.ok(texts.includes("SELECT 'told'"))
})
