// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { openForReading } from '../store/open.ts'
import { startHonestFleet, type HonestFleet } from '../store/ship/fixtures/honest-fleet.ts'
import { bench } from './fixtures/instance.ts'

async function openFleetFor(t: TestContext): Promise<HonestFleet> {
  const fleet = await startHonestFleet()
  t.after(() => fleet.close())
  return fleet
}

/** What is in the store, as the fleet should have it. */
async function localLines(path: string): Promise<Readonly<Record<string, readonly string[]>>> {
  const store = await openForReading(path)
  try {
    const found: Record<string, string[]> = {}
    for (const { log } of await store.heads()) {
      found[log] = []
      for await (const { leaf, hash } of store.evidence(log))
        found[log].push(leaf === null ? `#${hash}` : Buffer.from(leaf).toString())
    }
    return found
  } finally {
    await store.close()
  }
}

const fleetLines = (fleet: HonestFleet): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries([...fleet.logs].map(([log, { lines }]) => [log, lines]).sort())

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await sleep(20)
}

test('two variables, and every persisted row of every stream is at the fleet, cosigned', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, dsn, path, folder, notices } = bench(t)
  const fasten = start({
    sys_dsn: dsn,
    api_dsn: dsn,
    fleet_url: `${fleet.url}/`,
    fleet_token: fleet.token(),
    log_level: 'info',
  })
  for (let index = 0; index < 50; index++) {
    fasten.emit({ code: 'USER_CREATED', target: `user:${index}` })
    fasten.log.info('signed_up', { index })
  }
  fasten.recordApi({ method: 'GET', path: '/users', status: 200, duration_us: 1000 })
  await fasten.close()

  assert.deepEqual(fleetLines(fleet), await localLines(path))
  assert.equal(fleet.logs.size, 3)
  for (const { hashes, signed_size } of fleet.logs.values()) assert.equal(signed_size, hashes.length)
  const { fleet: shipping } = fasten.stats()
  assert.deepEqual(
    { ...shipping, shipped: (shipping?.shipped ?? 0) > 100 },
    {
      shipped: true,
      unshipped: 0,
      refused_logs: 0,
      retry_count: 0,
      in_backoff_seconds: 0,
      last_error: null,
      is_standby: false,
    },
  )
  assert.equal(fleet.together(), 1)

  const keys = readdirSync(`${path}-keys`)
  const [kept = ''] = keys.filter((name) => name.startsWith('fleet-') && name.endsWith('.json'))
  assert.equal(statSync(join(`${path}-keys`, kept)).mode & 0o777, 0o600)
  const secret = (JSON.parse(readFileSync(join(`${path}-keys`, kept), 'utf8')) as { credential: string })
    .credential
  assert.deepEqual([...fleet.credentials], [secret])
  assert.ok(!notices.join('').includes('fln_') && folder !== '')

  const store = await openForReading(path)
  const checkpoints = (await store.checkpoints?.({})) ?? []
  assert.deepEqual(
    checkpoints.map(({ cosignatures }) => cosignatures),
    [1, 1, 1],
  )
  assert.deepEqual(
    ((await store.shipped?.()) ?? []).map(({ log, size }) => [log, size]),
    Object.entries(fleetLines(fleet)).map(([log, lines]) => [log, lines.length]),
  )
  await store.close()
})

test('rows go while the process lives, and a fleet that is away costs neither them nor the caller', async (t) => {
  const fleet = await openFleetFor(t)
  const { start, path } = bench(t)
  let isAway = true
  fleet.trouble = () => (isAway ? 'before' : undefined)
  const fasten = start({ fleet_url: fleet.url, fleet_token: fleet.credential() })
  fasten.emit({ code: 'USER_CREATED', target: 'user:1' })
  await until(() => (fasten.stats().fleet?.retry_count ?? 0) > 0)
  assert.match(fasten.stats().fleet?.last_error ?? '', /FLEET_UNREACHABLE/)
  isAway = false
  await until(() => fasten.stats().fleet?.last_error === null)
  assert.deepEqual([fasten.stats().last_error, fasten.stats().fleet?.unshipped], [null, 0])
  await fasten.close()
  assert.deepEqual(fleetLines(fleet), await localLines(path))
})
