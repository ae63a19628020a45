// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { Draft } from 'fasten/core'
import { Pool } from 'pg'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { addSketchBytes, emptySketch, quantile, relativeAccuracy } from '../duration-sketch.ts'
import { bucketsOf, codeCountsOf, recountApi, recountAudit } from '../fixtures/recount.ts'
import { createTraffic, openRedFleet } from '../fixtures/red-fleet.ts'
import { nameLimits } from './admit-names.ts'
import { followBatch } from './follow-batch.ts'

const server = await startPostgres()
const fleet = await openRedFleet(server)
after(async () => {
  await fleet.close()
  await server.remove()
})

/** Not random: the same traffic each time, of every kind. */
function traffic(rows: number, seed = 1): readonly Draft[] {
  const source = createTraffic()
  let state = seed
  const next = (below: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % below
  }
  return Array.from({ length: rows }, () => {
    const of = {
      tenant: ['acme', 'umbrella', undefined][next(3)],
      service: ['shop', 'till'][next(2)] ?? '',
      node: `n${next(3)}`,
    }
    // Three days, times that repeat, and no order.
    const minute = next(40)
    const timestamp = `2031-03-0${1 + next(3)}T${String(next(4)).padStart(2, '0')}:${String(minute).padStart(2, '0')}:00.000000Z`
    if (next(5) === 0)
      return source.audit(of, {
        timestamp,
        code: `CODE_${next(4)}`,
        outcome: next(3) === 0 ? 'denied' : 'success',
      })
    return source.api(of, {
      timestamp,
      route: `/r/${next(4)}`,
      method: ['GET', 'POST'][next(2)] ?? '',
      status: [200, 201, 304, 404, 500, 503][next(6)] ?? 0,
      duration_us: next(50) === 0 ? 0 : next(1000) * next(1000) * next(100),
      request_id: `r-${next(100_000)}`,
    })
  })
}

async function storeAll(drafts: readonly Draft[], step: number): Promise<void> {
  for (let i = 0; i < drafts.length; i += step) await fleet.store(...drafts.slice(i, i + step))
}

/** Everything that is in the database, whichever test put it there. */
async function assertExact(): Promise<void> {
  const { pool } = fleet.database
  for (const tier of [1, 2, 3, 4] as const) {
    const expected = await recountApi(pool, tier)
    const found = await bucketsOf(pool, tier)
    assert.deepEqual(
      found.map(({ key, requests, sum, max }) => ({ key, requests, sum, max })),
      expected.map(({ key, requests, sum, max }) => ({ key, requests, sum, max })),
    )
    for (const [i, { sketch }] of found.entries()) {
      const own = emptySketch()
      addSketchBytes(own, sketch)
      const durations = expected[i]?.durations ?? []
      assert.equal(own.count, durations.length)
      for (const share of [0, 0.5, 0.95, 0.99, 1]) {
        const exact = durations[Math.floor(share * (durations.length - 1))] ?? NaN
        const off = Math.abs((quantile(own, share) ?? NaN) - exact)
        assert.ok(off <= exact * relativeAccuracy + 0.5, `${share}: off by ${off} of ${exact}`)
      }
    }
    assert.deepEqual(await codeCountsOf(pool, tier), await recountAudit(pool, tier))
  }
}

test('counts, sums, maxima and percentiles of all widths are those of a recount, however rows and batches fall', async () => {
  const drafts = traffic(1500)
  await storeAll(drafts.slice(0, 500), 250)
  await fleet.follow({ rowsMax: 97 })
  // Among them rows of minutes that were counted before, and of days before these.
  await storeAll(drafts.slice(500), 500)
  await fleet.follow({ rowsMax: 1000 })
  await assertExact()
})

test('a follower that is killed between and within batches leaves each row counted once', async () => {
  await storeAll(traffic(700, 7), 350)
  const { database } = fleet
  let killed = 0
  for (let round = 0; round < 12; round++) {
    // The connection of this batch dies after one more statement each time, until it comes through.
    let statements = 0
    const dying = {
      pool: database.pool,
      transact: <T>(work: Parameters<typeof database.transact<T>>[0]) =>
        database.transact<T>(async (sql) => {
          const { rows } = await sql.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
          const cut = new Proxy(sql, {
            get: (target, name) => {
              if (name !== 'query') return Reflect.get(target, name) as unknown
              return async (...given: Parameters<typeof target.query>) => {
                if (statements++ === round + 1)
                  await database.pool.query('SELECT pg_terminate_backend($1)', [rows[0]?.pid])
                return target.query(...given)
              }
            },
          })
          return work(cut)
        }),
    }
    await followBatch(dying, { stream: 'api', rowsMax: 50, limits: nameLimits }).catch(() => killed++)
  }
  assert.ok(killed >= 8, `${killed} were killed`)
  await fleet.follow()
  await assertExact()
})

test('several followers at once count every row once', async () => {
  const { database } = fleet
  const drafts = traffic(900, 11)
  const stored = storeAll(drafts, 100)
  let isStored = false
  const ends: string[] = []
  const run = async (stream: 'api' | 'audit'): Promise<void> => {
    for (;;) {
      const isLast = isStored
      const end = await followBatch(database, { stream, rowsMax: 40, limits: nameLimits })
      ends.push(end)
      if (end === 'reached' && isLast) return
    }
  }
  const running = (['api', 'api', 'api', 'audit', 'audit'] as const).map(run)
  await stored
  isStored = true
  await Promise.all(running)
  assert.ok(ends.includes('elsewhere'), 'they met')
  await assertExact()
})

test('whoever may see one tenant sees no names, numbers or exemplars of another, and whoever is bound to codes none', async () => {
  await storeAll(traffic(300, 3), 300)
  await fleet.follow()
  const tables = [
    'fleet_red',
    'fleet_red_series',
    'fleet_red_codes',
    'fleet_red_code_series',
    'fleet_red_days',
  ]
  const seen = async (url: string) => {
    const own = new URL(url)
    own.searchParams.set('options', `${own.searchParams.get('options') ?? ''} -c search_path=fleet`)
    own.searchParams.delete('schema')
    const pool = new Pool({ connectionString: own.href.replaceAll('+', '%20'), max: 1 })
    const tenants = new Set<string>()
    for (const table of tables) {
      const { rows } = await pool.query<{ tenant: string }>(`SELECT tenant FROM ${table}`)
      for (const { tenant } of rows) tenants.add(tenant)
    }
    await pool.end()
    return [...tenants].toSorted()
  }
  const { database } = fleet
  assert.deepEqual(await seen(await database.readerUrl(['acme'])), ['acme'])
  assert.deepEqual(await seen(await database.readerUrl(['_'])), ['_'])
  assert.deepEqual(await seen(await database.readerUrl([])), [])
  assert.deepEqual(await seen(await database.readerUrl('all')), ['_', 'acme', 'umbrella'])
  assert.deepEqual(await seen(await database.readerUrl('all', ['CODE_*'])), [])
})

test('ten thousand routes of one tenant on one day end in `(other)`, counted, and leave other tenants and days alone', async (t) => {
  const source = createTraffic()
  const many = Array.from({ length: 10_000 }, (_, i) =>
    source.api({ tenant: 'many' }, { route: `/r/${i % 9000}/x`, duration_us: 1000 }),
  )
  await storeAll(many, 2500)
  await fleet.store(
    source.api({ tenant: 'few' }, { route: '/mine' }),
    source.api({ tenant: 'many' }, { route: '/new', timestamp: '2031-03-02T00:00:00.000000Z' }),
  )
  await fleet.follow({ rowsMax: 3000 })
  const { pool } = fleet.database
  const { rows } = await pool.query(
    `SELECT tenant, at::date::text AS day, count(DISTINCT route)::int AS routes, sum(requests)::int AS requests,
      (sum(requests) FILTER (WHERE route = '(other)'))::int AS other
      FROM fleet_red JOIN fleet_red_series USING (series_id, tenant) WHERE tier = 3 AND tenant IN ('few', 'many') GROUP BY 1, 2 ORDER BY 1, 2`,
  )
  assert.deepEqual(rows, [
    { tenant: 'few', day: '2031-03-01', routes: 1, requests: 1, other: null },
    { tenant: 'many', day: '2031-03-01', routes: 2001, requests: 10_000, other: 7000 },
    { tenant: 'many', day: '2031-03-02', routes: 1, requests: 1, other: null },
  ])
  const { rows: said } = await pool.query(
    "SELECT routes, other::int FROM fleet_red_days WHERE tenant = 'many' AND day = '2031-03-01'",
  )
  assert.deepEqual(said, [{ routes: 2000, other: 7000 }])
  const { rows: sizes } = await pool.query<{ buckets: string; bytes: string; sketch: string }>(
    `SELECT count(*) AS buckets, pg_total_relation_size('fleet_red') / count(*) AS bytes, round(avg(length(sketch))) AS sketch FROM fleet_red`,
  )
  t.diagnostic(`${JSON.stringify(sizes[0])} with indices`)
})

test('rows with damaged members, absurd durations and times before time do not stop the counting', async () => {
  const source = createTraffic()
  const long = 'x'.repeat(9000)
  const odd = { tenant: 'odd' }
  await fleet.store(
    source.api(odd, { route: '/a', duration_us: Number.MAX_SAFE_INTEGER }),
    source.api(odd, { route: '/a', duration_us: Number.MAX_SAFE_INTEGER }),
    ...Array.from({ length: 1100 }, () =>
      source.api(odd, { route: '/a', duration_us: Number.MAX_SAFE_INTEGER, status: 99_999 }),
    ),
    source.api(odd, { route: '/a', duration_us: -5 }),
    source.api(odd, { route: `/${long}`, method: 'G\0T', request_id: `r-${long}` }),
    source.api(odd, { timestamp: '0000-01-01T00:00:00.000000Z' }),
    source.api(odd, { timestamp: '2031-02-31T25:00:00.000000Z' }),
    source.api({ tenant: long }, { route: '/a' }),
    source.audit(odd, { code: `C${long}` }),
  )
  await fleet.follow()
  const { rows } = await fleet.database.pool.query(
    `SELECT sum(requests)::int AS requests, max(sum_us) AS sum, (SELECT untimed::int FROM fleet_red_cursors WHERE stream = 'api') AS untimed,
      (SELECT max(length(route)) FROM fleet_red_series) AS route FROM fleet_red WHERE tier = 4 AND (tenant = 'odd' OR length(tenant) > 200)`,
  )
  assert.deepEqual(rows, [
    { requests: 1105, sum: String(BigInt(Number.MAX_SAFE_INTEGER) * 1100n), untimed: 2, route: 200 },
  ])
})
