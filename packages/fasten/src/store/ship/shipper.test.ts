// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it, type TestContext } from 'node:test'
import { hexOf } from '../../core/octets.ts'
import { builtinPolicy } from '../../core/retention-policy.ts'
import { until } from '../fixtures/spools.ts'
import { newKeyText, openNodeKey, writeKeyFile } from '../keys/node-key.ts'
import { createSystemIds, sha256 } from '../platform.ts'
import { sweep } from '../retention/sweep.ts'
import { tamper } from '../sqlite/fixtures/places.ts'
import { openShipWorld, passUntil, type ShipWorld } from './fixtures/ship-world.ts'

const root = mkdtempSync(join(tmpdir(), 'fasten-ship-'))
after(() => rmSync(root, { recursive: true, force: true }))

let latest = ''
async function open(t: TestContext): Promise<ShipWorld> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  latest = mkdtempSync(join(root, 'case-'))
  return openShipWorld(t, latest)
}

const named = (world: ShipWorld, event: string) => world.events.filter((each) => each.event === event)
const rowRequests = (world: ShipWorld) => world.fleet.asked.filter(({ path }) => path === '/rows')

describe('a shipper', () => {
  it('asks where the fleet is, sends what lies behind, several logs in one request, and then only what comes', async (t) => {
    const world = await open(t)
    await world.write(20)
    await world.write(5, { stream: 'sys' })
    const { state } = world.start()
    await passUntil(world, () => world.isShipped())
    assert.deepEqual(world.fleetLines(), await world.lines())
    assert.equal(rowRequests(world).length, 1)
    assert.equal(rowRequests(world)[0]?.encoding, 'zstd')
    await world.write(1)
    await passUntil(world, () => rowRequests(world).length === 2)
    await until(() => state().unshipped === 0)
    assert.deepEqual(
      rowRequests(world)[1]?.sections.map(({ from, count }) => [from, count]),
      [[21, 1]],
    )
    assert.deepEqual([world.fleet.together(), state().shipped, world.events], [1, 28, []])
  })

  it('sends a signature behind the rows that it covers', async (t) => {
    const world = await open(t)
    const [row] = await world.write(3, { isSealed: false })
    world.start()
    const log = row?.log ?? ''
    await passUntil(world, () => world.isShipped())
    assert.equal(world.fleet.logs.get(log)?.signed_size, 0)
    await world.write(0)
    await passUntil(world, () => world.fleet.logs.get(log)?.signed_size === 4)
    await passUntil(world, async () => (await world.store.checkpoints?.({ log }))?.[0]?.cosignatures === 1)
  })

  it('sends nothing twice when the answer to a commit was lost', async (t) => {
    const world = await open(t)
    await world.write(10)
    let lost = 0
    world.fleet.trouble = (path) => (path === '/rows' && lost++ === 0 ? 'after' : undefined)
    const { state } = world.start()
    await passUntil(world, async () => (await world.store.shipped?.())?.[0]?.size === 11)
    await until(() => state().unshipped === 0)
    assert.deepEqual([world.fleetLines(), lost], [await world.lines(), 2])
    assert.deepEqual(
      rowRequests(world).map(({ sections }) => sections.map(({ from, count }) => [from, count])),
      // The signature of the fleet, which was lost with the answer, is asked for.
      [[[0, 11]], [[11, 0]]],
    )
    assert.deepEqual([state().failures, state().unshipped], [0, 0])
    assert.deepEqual(
      (await world.store.shipped?.())?.map(({ size }) => size),
      [11],
    )
  })

  it('is told once of a fleet that is away, asks seldom, holds nothing meanwhile, and then sends all of it', async (t) => {
    const world = await open(t)
    await world.write(5)
    let attempts = 0
    let isAway = true
    world.fleet.trouble = () => (isAway ? (attempts++, 'before') : undefined)
    const { state } = world.start()
    const day = 24 * 3600 * 1000
    for (let passed = 0; passed < 3 * day; passed += 600_000) {
      world.pass(600_000)
      if (passed % (6 * 3_600_000) === 0) await world.write(1)
      let turns = 0
      await until(() => turns++ > 3)
    }
    await until(() => state().failures > 10)
    // However time jumps, one attempt follows another only after a wait.
    assert.ok(attempts > 10 && attempts <= 3 * 24 * 6 + 1, `${attempts} attempts in 432 steps`)
    assert.equal(named(world, 'fleet_ship_failed').length, 1)
    isAway = false
    await passUntil(world, () => named(world, 'fleet_ship_recovered').length === 1, 10_000)
    await passUntil(world, () => world.isShipped())
    assert.deepEqual(world.fleetLines(), await world.lines())
    assert.equal(named(world, 'fleet_ship_failed').length, 1)
  })

  it('waits as long as it is asked to, and no request is made before', async (t) => {
    const world = await open(t)
    await world.write(1)
    let asked = 0
    world.fleet.trouble = (path) =>
      path === '/rows' && asked++ === 0 ? { status: 429, headers: { 'retry-after': '600' } } : undefined
    const { state } = world.start()
    await passUntil(world, () => state().failures === 1)
    const before = world.fleet.asked.length
    for (let passed = 0; passed < 600_000 - 1000; passed += 10_000) {
      world.pass(10_000)
      let turns = 0
      await until(() => turns++ > 3)
    }
    assert.equal(world.fleet.asked.length, before)
    await passUntil(world, () => world.isShipped(), 10_000)
  })

  it('takes silence for a lost connection, and goes on where the fleet is', async (t) => {
    const world = await open(t)
    await world.write(4)
    let silent = 0
    world.fleet.trouble = (path) => (path === '/rows' && silent++ === 0 ? 'silence' : undefined)
    world.start({ silenceMs: 200 })
    await passUntil(world, () => named(world, 'fleet_ship_recovered').length === 1)
    const [failed] = named(world, 'fleet_ship_failed')
    assert.match(JSON.stringify(failed), /FLEET_UNREACHABLE.*nothing moved/)
    assert.deepEqual(world.fleetLines(), await world.lines())
    assert.deepEqual(
      rowRequests(world).map(({ sections }) => sections.map(({ count }) => count)),
      [[5], [0]],
    )
  })

  it('tells that a fleet went back, gives it its rows again, and has retention wait for them', async (t) => {
    const world = await open(t)
    const [row] = await world.write(10)
    const log = row?.log ?? ''
    const { state } = world.start()
    await passUntil(world, async () => (await world.store.shipped?.())?.[0]?.size === 11)
    world.fleet.rollBack(log, 4)
    await world.write(1)
    await passUntil(world, () => named(world, 'fleet_rolled_back').length === 1)
    assert.deepEqual(named(world, 'fleet_rolled_back'), [
      { event: 'fleet_rolled_back', log, shipped: 11, size: 4 },
    ])
    await passUntil(world, () => world.isShipped())
    await passUntil(world, () => state().unshipped === 0)
    assert.deepEqual(world.fleetLines(), await world.lines())
    // And the same when it is noticed at the start.
    world.fleet.rollBack(log, 6)
    world.fleet.trouble = (path) => (path === '/rows' ? { status: 503 } : undefined)
    await world.write(1)
    await passUntil(world, () => named(world, 'fleet_rolled_back').length === 2)
    assert.equal((await world.store.shipped?.())?.[0]?.size, 6)
  })

  it('a log that is refused is told once and keeps no other from its way', async (t) => {
    const world = await open(t)
    await world.write(3)
    await world.write(3, { stream: 'sys' })
    let isForeign = true
    world.fleet.mayWrite = (log) => !isForeign || !log.endsWith('/sys')
    const { state } = world.start()
    await passUntil(world, () => state().refused === 1 && state().unshipped === 4)
    assert.equal(named(world, 'fleet_log_refused').length, 1)
    for (let passed = 0; passed < 1_200_000; passed += 10_000) {
      world.pass(10_000)
      let turns = 0
      await until(() => turns++ > 3)
    }
    assert.equal(named(world, 'fleet_log_refused').length, 1)
    isForeign = false
    await passUntil(world, () => world.isShipped(), 10_000)
    await passUntil(world, () => named(world, 'fleet_log_accepted').length === 1)
    assert.deepEqual(world.fleetLines(), await world.lines())
    assert.equal(state().refused, 0)
  })

  it('another history than the fleet has is shown to it, told, and not sent again', async (t) => {
    const world = await open(t)
    const [row] = await world.write(5)
    await world.write(2, { stream: 'sys' })
    const log = row?.log ?? ''
    world.start()
    await passUntil(world, () => world.isShipped())
    const there = world.fleet.logs.get(log)
    assert.ok(there !== undefined)
    there.hashes[5] = 'f'.repeat(64)
    let hasFailed = false
    world.fleet.trouble = () => (hasFailed ? undefined : ((hasFailed = true), { status: 503 }))
    await world.write(2)
    await world.write(2, { stream: 'sys' })
    await passUntil(world, () => named(world, 'fleet_log_refused').length === 1)
    const [told] = named(world, 'fleet_log_refused')
    assert.ok(told?.event === 'fleet_log_refused')
    assert.deepEqual([told.log, told.code, told.at_seq], [log, 'FORK_DETECTED', 5])
    await passUntil(world, () => world.fleetLines()[log.replace('/audit', '/sys')]?.length === 5)
    const sent = rowRequests(world).length
    await world.write(2)
    for (let passed = 0; passed < 2_000_000; passed += 20_000) {
      world.pass(20_000)
      let turns = 0
      await until(() => turns++ > 3)
    }
    assert.equal(rowRequests(world).length, sent)
  })

  it('a fleet that has more than is here is shown the end that is here, and tells a shorter log from another one', async (t) => {
    const world = await open(t)
    const [row] = await world.write(5)
    await world.write(5, { stream: 'sys' })
    const log = row?.log ?? ''
    const other = log.replace('/audit', '/sys')
    const first = world.start()
    await passUntil(world, () => world.isShipped())
    for (const each of [log, other])
      world.fleet.logs.get(each)?.hashes.push(...['a', 'b', 'c'].map((digit) => digit.repeat(64)))
    const there = world.fleet.logs.get(other)
    assert.ok(there !== undefined)
    there.hashes[5] = 'f'.repeat(64)
    await first.shipper.stop(0)
    const { state } = world.start()
    await passUntil(world, () => state().refused === 2)
    assert.deepEqual(
      named(world, 'fleet_log_refused')
        .map((told) => told.event === 'fleet_log_refused' && [told.log, told.code])
        .sort(),
      [
        [log, 'FLEET_AHEAD'],
        [other, 'FORK_DETECTED'],
      ],
    )
    assert.equal(state().shipped, 0)
  })

  it('a row that is missing here stops its log there, and says so', async (t) => {
    const world = await open(t)
    const [row] = await world.write(6, { isSealed: false })
    tamper(join(latest, 'rows.db'), 'DELETE FROM audit_log WHERE monotonic_seq = 4')
    const { state } = world.start()
    await passUntil(world, () => state().refused === 1)
    const [told] = named(world, 'fleet_log_refused')
    assert.ok(told?.event === 'fleet_log_refused')
    assert.deepEqual([told.code, told.at_seq, told.log], ['FLEET_ROWS_MISSING', 4, row?.log])
    assert.equal(world.fleetLines()[row?.log ?? '']?.length, 4)
  })

  it('of rows that have expired their hashes travel, and none is swept that the fleet does not have', async (t) => {
    const world = await open(t)
    const [row] = await world.write(8)
    const log = row?.log ?? ''
    const swept = (needsReplication: boolean) =>
      sweep({
        pruner: world.store.pruner ?? assert.fail(),
        policy: builtinPolicy,
        digest: sha256,
        reading: () => ({ machine: 'test', uptimeMicros: 0, wallMicros: 3_000_000_000_000_000 }),
        trustsWall: true,
        needsReplication,
        needsCheckpoint: false,
        pause: async () => {},
      })
    assert.deepEqual((await swept(true))?.kept, { held: 0, unreplicated: 8, unanchored: 0 })
    assert.equal((await swept(false))?.rows, 8)
    await world.write(0)
    world.start()
    await passUntil(world, () => world.isShipped())
    const lines = world.fleetLines()[log] ?? []
    assert.deepEqual(
      lines.map((line) => line[0]),
      ['{', ...Array.from({ length: 8 }, () => '#'), '{'],
    )
    assert.deepEqual(world.fleetLines(), await world.lines())
  })

  it('of two on one store one ships, and the other when that one has ended', async (t) => {
    const world = await open(t)
    await world.write(3)
    const one = world.start()
    await passUntil(world, () => world.isShipped())
    const other = world.start()
    await passUntil(world, () => one.state().unshipped === 0)
    world.pass(60_000)
    assert.deepEqual([one.state().isStandby, other.state().isStandby], [false, true])
    const stopping = one.shipper.stop(60_000)
    await stopping
    await world.write(2)
    await passUntil(world, () => world.isShipped())
    assert.deepEqual([other.state().isStandby, world.fleet.together()], [false, 1])
    assert.equal(
      rowRequests(world)
        .flatMap(({ sections }) => sections)
        .reduce((sum, { count }) => sum + count, 0),
      6,
    )
  })

  it('the end ships what is there; a fleet that does not answer does not hold it up', async (t) => {
    const world = await open(t)
    await world.write(3)
    const first = world.start()
    await first.shipper.stop(60_000)
    assert.deepEqual(world.fleetLines(), await world.lines())

    await world.write(2)
    world.fleet.trouble = () => 'deaf'
    const second = world.start()
    const stopping = second.shipper.stop(5000)
    await until(() => world.fleet.together() > 0)
    world.pass(5000)
    await stopping
    assert.equal(await world.isShipped(), false)
    world.fleet.trouble = () => undefined
    await world.start().shipper.stop(60_000)
    assert.deepEqual(world.fleetLines(), await world.lines())
  })

  it('a body that is too large, or packed in an unknown way, is made otherwise', async (t) => {
    const world = await open(t)
    await world.write(30)
    const answers = [{ status: 415 }, { status: 413 }, { status: 413 }]
    world.fleet.trouble = (path) => (path === '/rows' ? answers.shift() : undefined)
    world.start()
    await passUntil(world, () => world.isShipped())
    assert.deepEqual([rowRequests(world).at(-1)?.encoding, world.events], ['gzip', []])
  })

  it('a key that the fleet does not know keeps no row from it, and is told to it by the one before', async (t) => {
    const world = await open(t)
    const [row] = await world.write(3)
    const log = row?.log ?? ''
    const [key = ''] = world.fleet.keys
    world.fleet.keys.clear()
    const { state } = world.start()
    await passUntil(world, () => world.isShipped())
    assert.deepEqual(
      named(world, 'fleet_log_refused').map((each) => each.event === 'fleet_log_refused' && each.code),
      ['NOTE_UNTRUSTED'],
    )
    assert.equal(state().refused, 1)
    // As `fasten key rotate` leaves it: the fleet knows the key of before, which lies in the archive.
    const before = join(latest, 'archive', 'before.key')
    writeKeyFile(before, newKeyText(), createSystemIds())
    world.fleet.keys.add(hexOf(openNodeKey(before).publicKey))
    await world.write(2)
    await passUntil(world, () => world.fleet.keys.has(key), 60_000)
    await passUntil(world, () => world.fleet.logs.get(log)?.signed_size === 6, 10_000)
    await passUntil(world, () => state().refused === 0)
  })

  it('tells how long its report before took, and how much its spool may hold', async (t) => {
    const world = await open(t)
    await world.write(1)
    world.start()
    const reports = () => world.fleet.asked.filter(({ path }) => path === '/status').map(({ body }) => body)
    await passUntil(world, () => reports().length === 2, 5_000)
    assert.deepEqual(
      reports().map(({ round_trip_ms, spool }) => [typeof round_trip_ms, spool]),
      ['undefined', 'number'].map((type) => [type, { rows: 0, bytes: 0, bytes_max: 1 << 20 }]),
    )
  })

  it('believes no cosignature but of the key that the fleet had at first, and ships nothing to a fleet with another', async (t) => {
    const world = await open(t)
    world.fleet.isForging = true
    const [row] = await world.write(2)
    const log = row?.log ?? ''
    const { shipper } = world.start()
    const codes = () => world.events.map((each) => ('code' in each ? each.code : each.event))
    await passUntil(world, () => codes().includes('FLEET_COSIGNATURE'))
    assert.deepEqual(
      [(await world.store.checkpoints?.({ log }))?.[0]?.cosignatures, codes()],
      [0, ['FLEET_COSIGNATURE']],
    )
    await shipper.stop(0)
    world.fleet.isReplaced = true
    await world.write(1)
    world.start()
    await passUntil(world, () => codes().includes('FLEET_OTHER'))
    assert.equal(world.fleet.logs.get(log)?.hashes.length, 3)
  })
})
