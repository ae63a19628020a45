// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { createTraffic, openRedFleet } from '../fixtures/red-fleet.ts'
import { sweepBuckets } from './sweep.ts'

const server = await startPostgres()
const fleet = await openRedFleet(server)
after(async () => {
  await fleet.close()
  await server.remove()
})

test('narrow buckets go before wide ones, counters that move stay, and late rows go where there still is a place', async () => {
  const source = createTraffic()
  const at = (day: string) => ({ timestamp: `${day}T10:20:30.000000Z`, route: '/a' })
  await fleet.store(
    source.api({ tenant: 'still' }, at('2028-01-01')),
    source.api({ tenant: 'acme' }, at('2028-01-01')),
    source.api({ tenant: 'acme' }, at('2031-01-01')),
    source.api({ tenant: 'acme' }, at('2031-03-01')),
    source.audit({ tenant: 'acme' }, at('2031-01-01')),
  )
  await fleet.follow()
  const clock = { nowMicros: () => Date.parse('2031-03-02T00:00:00Z') * 1000, monotonicNanos: () => 0n }
  await sweepBuckets(fleet.database, clock)
  const left = async () => {
    const { rows } = await fleet.database.pool.query<{ left: string }>(
      `SELECT tier || ' ' || at::date || ' ' || tenant || ' ' || requests AS left FROM fleet_red WHERE tenant IN ('acme', 'still') ORDER BY 1`,
    )
    return rows.map((row) => row.left)
  }
  assert.deepEqual(await left(), [
    '1 2031-03-01 acme 1',
    '2 2031-01-01 acme 1',
    '2 2031-03-01 acme 1',
    '3 2031-01-01 acme 1',
    '3 2031-03-01 acme 1',
    '4 1970-01-01 acme 3',
  ])
  const { rows: series } = await fleet.database.pool.query(
    "SELECT tenant FROM fleet_red_series WHERE tenant = 'still'",
  )
  assert.deepEqual(series, [])
  await fleet.store(
    source.api({ tenant: 'acme' }, at('2031-01-01')),
    source.api({ tenant: 'acme' }, at('2028-01-01')),
  )
  await fleet.follow()
  assert.deepEqual(await left(), [
    '1 2031-03-01 acme 1',
    '2 2031-01-01 acme 2',
    '2 2031-03-01 acme 1',
    '3 2031-01-01 acme 2',
    '3 2031-03-01 acme 1',
    '4 1970-01-01 acme 5',
  ])
  const { rows } = await fleet.database.pool.query(
    "SELECT counted::int, too_late::int FROM fleet_red_cursors WHERE stream = 'api'",
  )
  assert.deepEqual(rows, [{ counted: 6, too_late: 1 }])
})
