// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, rmSync } from 'node:fs'
import { describe, it, type TestContext } from 'node:test'
import fc from 'fast-check'
import type { IdSource } from '../core/ids.ts'
import { createDrainLoop, type DrainEvent, type DrainLoop } from './drain-loop.ts'
import { createLedgerSink, type LedgerOptions, type LedgerSink } from './fixtures/ledger-sink.ts'
import { createRoots, createStillClock, leaveSpool, log, openSpool, settled } from './fixtures/spools.ts'
import { listQuarantine } from './quarantine.ts'
import { listSpools, lockPath, spoolDirectory } from './spool/layout.ts'
import { acquireLock } from './spool/lock.ts'
import { createSpoolReader } from './spool/reader.ts'

const id = '00112233445566aa'
const newRoot = createRoots()

interface World {
  readonly root: string
  readonly sink: LedgerSink
  readonly loop: DrainLoop
  readonly clock: ReturnType<typeof createStillClock>
  readonly events: DrainEvent[]
  /** What the loop said of failures and waiting, in order. */
  readonly trouble: (readonly [number, number])[]
  /** Everything the loop handed out as stored or quarantined, own rows only. */
  readonly counts: { stored: number; quarantined: number; position: number }
  isIdle(): boolean
  /** Writes rows and wakes the loop as a lane does: only when it says that it sleeps. */
  write(...texts: readonly string[]): void
  /** Writes rows, and nobody is told. */
  append(...texts: readonly string[]): void
}

interface WorldOptions extends LedgerOptions {
  readonly root?: string
  readonly lingerMs?: number
  readonly adopts?: boolean
  readonly randomHex?: () => string
  readonly onIdle?: (isIdle: boolean) => void
  /** After the loop has looked how far the spool is written, and found nothing more. */
  readonly onLastLook?: () => void
  readonly onEvent?: (event: DrainEvent, world: () => World) => void
}

/** A loop over a real spool and the smallest store there is. */
function open(t: TestContext, options: WorldOptions = {}): World {
  const { root = newRoot(), lingerMs = 0, adopts = false, randomHex = () => '8000' } = options
  const writer = openSpool(root, id)
  const clock = createStillClock()
  const sink = createLedgerSink(options)
  const events: DrainEvent[] = []
  const trouble: (readonly [number, number])[] = []
  const counts = { stored: 0, quarantined: 0, position: 0 }
  let isIdle = true
  let written = 0
  const ids: IdSource = { randomHex, randomBase32: () => new Uint8Array() }
  const loop: DrainLoop = createDrainLoop({
    place: { sink, root, clock, rowsMax: 3 },
    reader: createSpoolReader(id, spoolDirectory(root, id)),
    end() {
      const seen = written
      if (counts.position === written) options.onLastLook?.()
      return seen
    },
    ids,
    lingerMs,
    adopts,
    onSlice(slice, isOwn) {
      if (!isOwn) return
      counts.stored += slice.stored
      counts.quarantined += slice.quarantined.length
      counts.position = slice.position
    },
    onEvent(event) {
      events.push(event)
      options.onEvent?.(event, () => world)
    },
    onTrouble: (failures, waitMs) => void trouble.push([failures, waitMs]),
    onIdle(value) {
      isIdle = value
      options.onIdle?.(value)
    },
  })
  const world: World = {
    root,
    sink,
    loop,
    clock,
    events,
    trouble,
    counts,
    isIdle: () => isIdle,
    append(...texts) {
      for (const text of texts) written = writer.append(log, text)
    },
    write(...texts) {
      world.append(...texts)
      if (isIdle) loop.wake()
    },
  }
  t.after(async () => {
    await loop.stop()
    writer.close()
  })
  return world
}

/** Time stands still for `setTimeout`; it passes when told. */
function stillTime(t: TestContext): (ms: number) => Promise<void> {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  return async (ms) => {
    t.mock.timers.tick(ms)
    await settled()
  }
}

const names = (events: readonly DrainEvent[]): string[] => events.map(({ event }) => event)
const appends = ({ calls }: LedgerSink): number => calls.filter(({ kind }) => kind === 'append').length
const isBad = (text: string): boolean => text.startsWith('bad')

describe('backing off', () => {
  it('waits 100, 200, 400 … ms, at most a minute', async (t) => {
    const pass = stillTime(t)
    const world = open(t, { faultAt: ({ kind }) => (kind === 'append' ? 'before' : undefined) })
    world.write('row')
    await settled()
    const waits: number[] = []
    for (let attempt = 1; attempt <= 12; attempt++) {
      const { kind, backoffMs: wait, failures } = world.loop.state()
      assert.deepEqual([kind, failures, appends(world.sink)], ['backing_off', attempt, attempt])
      waits.push(wait)
      await pass(wait - 1)
      assert.equal(appends(world.sink), attempt, 'not a millisecond earlier')
      await pass(1)
    }
    assert.deepEqual(waits, [100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 51_200, 60_000, 60_000])
    assert.deepEqual(
      world.trouble.filter(([, wait]) => wait > 0).slice(0, 12),
      waits.map((wait, index) => [index + 1, wait]),
    )
  })

  it('is a fifth longer or shorter, as chance has it', async (t) => {
    const pass = stillTime(t)
    const drawn = ['0000', 'ffff', '4000', 'c000']
    let draws = 0
    const world = open(t, {
      faultAt: ({ kind }) => (kind === 'append' ? 'before' : undefined),
      randomHex: () => drawn[draws++] ?? '8000',
    })
    world.write('row')
    await settled()
    for (const expected of [80, 240, 360, 880]) {
      assert.equal(world.loop.state().backoffMs, expected)
      await pass(expected)
    }
  })

  it('stays within a fifth whatever is drawn', async (t) => {
    stillTime(t)
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 0xffff }), async (drawn) => {
        const world = open(t, {
          faultAt: ({ kind }) => (kind === 'append' ? 'before' : undefined),
          randomHex: () => drawn.toString(16).padStart(4, '0'),
        })
        world.write('row')
        await settled()
        const { backoffMs } = world.loop.state()
        assert.ok(backoffMs >= 80 && backoffMs <= 120, String(backoffMs))
        await world.loop.stop()
      }),
      { numRuns: 20 },
    )
  })

  it('five failures and a success: failed, degraded, recovered, once each and in that order', async (t) => {
    const pass = stillTime(t)
    let isAway = true
    const world = open(t, { faultAt: ({ kind }) => (kind === 'append' && isAway ? 'before' : undefined) })
    world.write('row')
    await settled()
    const seen = [names(world.events).join()]
    for (let failure = 1; failure < 7; failure++) {
      world.clock.advance(world.loop.state().backoffMs)
      await pass(world.loop.state().backoffMs)
      seen.push(names(world.events).join())
    }
    const [failed, degraded] = ['audit_drain_failed', 'audit_drain_failed,audit_drain_degraded']
    assert.deepEqual(seen, [failed, failed, failed, failed, degraded, degraded, degraded])
    isAway = false
    world.clock.advance(world.loop.state().backoffMs)
    await pass(world.loop.state().backoffMs)
    assert.deepEqual(world.events, [
      { event: 'audit_drain_failed', error: 'STORE_AWAY: the store is away (ledger)', code: 'STORE_AWAY' },
      {
        event: 'audit_drain_degraded',
        retry_count: 5,
        in_backoff_seconds: 1.6,
        last_error: 'STORE_AWAY: the store is away (ledger)',
      },
      { event: 'audit_drain_recovered', recovery_after_seconds: 12.7, was_degraded: true },
    ])
    assert.deepEqual(world.loop.state(), { kind: 'idle', failures: 0, lastError: null, backoffMs: 0 })
    assert.deepEqual([world.trouble.at(-1), world.sink.rows], [[0, 0], ['row']])

    // A second time of trouble is told as the first was.
    isAway = true
    world.write('another')
    await settled()
    isAway = false
    await pass(100)
    assert.deepEqual(names(world.events).slice(3), ['audit_drain_failed', 'audit_drain_recovered'])
    assert.deepEqual(world.sink.rows, ['row', 'another'])
  })

  it('is cut short by whoever waits', async (t) => {
    stillTime(t)
    let isAway = true
    const world = open(t, { faultAt: ({ kind }) => (kind === 'append' && isAway ? 'before' : undefined) })
    world.write('row')
    await settled()
    world.loop.hurry()
    await settled()
    assert.deepEqual([appends(world.sink), world.loop.state().kind], [2, 'backing_off'])
    isAway = false
    world.loop.hurry()
    await settled()
    assert.deepEqual([world.sink.rows, world.loop.state().kind], [['row'], 'idle'])
  })

  it('does not begin where somebody waits since hearing of the trouble', async (t) => {
    stillTime(t)
    const world = open(t, {
      faultAt: (_, index) => (index === 1 ? 'before' : undefined),
      onEvent: ({ event }, self) => {
        if (event === 'audit_drain_failed') self().loop.hurry()
      },
    })
    world.write('row')
    await settled()
    assert.deepEqual([world.sink.rows, world.loop.state().kind], [['row'], 'idle'])
  })

  it('is not cut short by more rows, which wait in the spool', async (t) => {
    const pass = stillTime(t)
    let isAway = true
    const world = open(t, { faultAt: ({ kind }) => (kind === 'append' && isAway ? 'before' : undefined) })
    world.write('one')
    await settled()
    world.write('two')
    world.loop.wake()
    await settled()
    assert.deepEqual([appends(world.sink), world.isIdle()], [1, false])
    isAway = false
    await pass(100)
    assert.deepEqual(world.sink.rows, ['one', 'two'])
  })

  it('also waits for a store that cannot say where to begin', async (t) => {
    const pass = stillTime(t)
    const world = open(t, { faultAt: (_, index) => (index < 2 ? 'before' : undefined) })
    world.write('row')
    await settled()
    assert.deepEqual([world.loop.state().kind, world.sink.rows], ['backing_off', []])
    await pass(300)
    await pass(300)
    assert.deepEqual(
      [world.sink.rows, names(world.events)],
      [['row'], ['audit_drain_failed', 'audit_drain_recovered']],
    )
  })

  it('says what it does not know as such', async (t) => {
    stillTime(t)
    const world = open(t, {
      meanwhile({ kind }) {
        if (kind === 'append') throw new RangeError('odd')
      },
    })
    world.write('row')
    await settled()
    assert.deepEqual(world.events, [
      { event: 'audit_drain_failed', error: 'RangeError: odd', code: 'STORE_UNKNOWN' },
    ])
  })

  it('a spool that was taken away under its writer is trouble, not a loop without end', async (t) => {
    stillTime(t)
    const world = open(t)
    world.write('one')
    await settled()
    rmSync(spoolDirectory(world.root, id), { recursive: true })
    world.write('two')
    await settled()
    const { kind, lastError } = world.loop.state()
    assert.equal(kind, 'backing_off')
    assert.match(lastError ?? '', /^SPOOL_IO: spool 00112233445566aa ends before what was written to it/)
    assert.deepEqual([world.sink.rows, names(world.events)], [['one'], ['audit_drain_failed']])
  })
})

describe('draining', () => {
  it('lingers so that a burst is one transaction, unless somebody waits', async (t) => {
    const pass = stillTime(t)
    const world = open(t, { lingerMs: 5 })
    world.write('one')
    world.write('two')
    await settled()
    assert.deepEqual([world.loop.state().kind, appends(world.sink)], ['lingering', 0])
    world.write('three')
    await pass(5)
    assert.deepEqual([world.sink.rows, appends(world.sink)], [['one', 'two', 'three'], 1])
    world.write('four')
    world.loop.hurry()
    await settled()
    assert.deepEqual([world.sink.rows.length, world.loop.state().kind], [4, 'idle'])
    world.append('five')
    world.loop.hurry()
    await settled()
    assert.deepEqual([world.sink.rows.length, world.loop.state().kind], [5, 'idle'])
  })

  it('counts what is stored and what is in quarantine, and tells of each row there', async (t) => {
    const world = open(t, { refuses: isBad })
    world.write('a', 'bad 1', 'b', 'c', 'bad 2')
    await settled()
    const { stored, quarantined, position } = world.counts
    assert.deepEqual([stored, quarantined, BigInt(position)], [3, 2, world.sink.positionOf(id)])
    assert.deepEqual(
      world.events.map((event) => (event.event === 'audit_row_quarantined' ? event.message : event)),
      ['no room for bad 1', 'no room for bad 2'],
    )
    assert.equal(listQuarantine(world.root).length, 2)
  })

  it('a store that has taken a batch without our hearing of it is offered it again, and keeps one', async (t) => {
    const pass = stillTime(t)
    let isDeaf = true
    const world = open(t, { faultAt: ({ kind }) => (kind === 'append' && isDeaf ? 'after' : undefined) })
    world.write('one', 'two')
    await settled()
    isDeaf = false
    world.write('three')
    await pass(100)
    assert.deepEqual(
      [world.sink.rows, world.sink.offeredAgain],
      [
        ['one', 'two', 'three'],
        ['one', 'two'],
      ],
    )
    assert.equal(world.counts.stored, 3)
  })

  it('a loop that dies at any call of the store is continued by the next, which repeats nothing', async (t) => {
    const texts = ['a', 'b', 'bad', 'c', 'd', 'e', 'f']
    const deaths = [0, 1, 2, 3, 4, 5, 6].flatMap((at) => [[at, 'before'] as const, [at, 'after'] as const])
    for (const [at, site] of deaths) {
      await t.test(`${site} call ${at}`, async (inner) => {
        const pass = stillTime(inner)
        const world = open(inner, {
          refuses: isBad,
          faultAt: (_, index) => (index === at ? site : undefined),
        })
        world.write(...texts)
        await settled()
        await world.loop.stop()
        const offered = world.sink.offeredAgain.length
        // Nobody owns the spool now; whoever comes next adopts it.
        const heir = createDrainLoop({
          place: { sink: world.sink, root: world.root, clock: world.clock, rowsMax: 3 },
          reader: createSpoolReader('ffffffffffffffff', spoolDirectory(world.root, 'ffffffffffffffff')),
          end: () => 0,
          ids: { randomHex: () => '8000', randomBase32: () => new Uint8Array() },
          lingerMs: 0,
          adopts: true,
          onSlice: () => {},
          onEvent: () => {},
          onIdle: () => {},
        })
        heir.hurry()
        await settled()
        await pass(100)
        await heir.stop()
        assert.deepEqual(
          world.sink.rows,
          texts.filter((text) => !isBad(text)),
        )
        assert.equal(world.sink.offeredAgain.length, offered)
        assert.deepEqual([listQuarantine(world.root).length, listSpools(world.root)], [1, []])
      })
    }
  })

  it('misses no row, whenever it was written: between looks, beside commits, on the way to sleep', async (t) => {
    type Moment = 'told' | 'looked' | 'called'
    const writes = fc.array(fc.tuple(fc.nat(2), fc.constantFrom('at once', 'microtask', 'turn')), {
      maxLength: 6,
    })
    let onTheWayToSleep = 0
    await fc.assert(
      fc.asyncProperty(
        fc.record({ told: writes, looked: writes, called: writes }),
        fc.array(fc.nat(2), { minLength: 1, maxLength: 8 }),
        async (plan, pauses) => {
          const moments = { told: 0, looked: 0, called: 0 }
          let rows = 0
          /** Something has just happened: perhaps rows are written now, or a little later. */
          const passed = (moment: Moment): void => {
            const [count = 0, when] = plan[moment][moments[moment]++] ?? []
            if (count === 0) return
            const texts = Array.from({ length: count }, () => `row ${rows++}`)
            if (when === 'at once' && moment !== 'called' && world.isIdle()) onTheWayToSleep++
            const write = (): void => world.write(...texts)
            if (when === 'at once') write()
            else if (when === 'microtask') queueMicrotask(write)
            else setImmediate(write)
          }
          const world: World = open(t, {
            onIdle: () => passed('told'),
            onLastLook: () => passed('looked'),
            async meanwhile() {
              passed('called')
              await settled(pauses[world.sink.calls.length % pauses.length] ?? 0)
              passed('called')
            },
          })
          world.write('row first')
          // As long as anything happens at all.
          for (let quiet = 0, known = ''; quiet < 4;) {
            await settled(3)
            const now = JSON.stringify([moments, rows, world.sink.calls.length])
            quiet = now === known ? quiet + 1 : 0
            known = now
          }
          assert.deepEqual(world.loop.state().kind, 'idle')
          assert.deepEqual([world.sink.rows.length, new Set(world.sink.rows).size], [rows + 1, rows + 1])
          assert.deepEqual([world.sink.offeredAgain, world.counts.stored], [[], rows + 1])
          await world.loop.stop()
        },
      ),
      { numRuns: 100 },
    )
    assert.ok(onTheWayToSleep > 10, `${onTheWayToSleep} rows came at the moment that matters`)
  })
})

describe('stopping', () => {
  /** Two rows are in the spool; the loop is brought into a state, stopped there, and must leave the rest to the next. */
  async function stopIn(
    t: TestContext,
    state: string,
    options: WorldOptions,
    bring: (world: World) => Promise<void>,
  ): Promise<World> {
    const world = open(t, options)
    await bring(world)
    assert.equal(world.loop.state().kind, state)
    await world.loop.stop()
    const calls = world.sink.calls.length
    assert.equal(world.loop.state().kind, 'stopped')
    world.loop.wake()
    world.loop.hurry()
    world.write('too late')
    await settled()
    assert.equal(world.sink.calls.length, calls, 'nothing is asked of the store any more')
    await world.loop.stop()
    return world
  }

  it('while idle', async (t) => {
    const { sink } = await stopIn(t, 'idle', {}, async (world) => {
      world.write('one')
      await settled()
    })
    assert.deepEqual(sink.rows, ['one'])
  })

  it('before it was ever woken', async (t) => {
    const { sink } = await stopIn(t, 'idle', {}, async () => {})
    assert.deepEqual(sink.calls, [])
  })

  it('while lingering', async (t) => {
    stillTime(t)
    const { sink } = await stopIn(t, 'lingering', { lingerMs: 5 }, async (world) => {
      world.write('one')
      await settled()
    })
    assert.deepEqual(sink.rows, [])
  })

  it('while backing off, without a word of recovery', async (t) => {
    stillTime(t)
    const { events } = await stopIn(t, 'backing_off', { faultAt: () => 'before' }, async (world) => {
      world.write('one')
      await settled()
    })
    assert.deepEqual(names(events), ['audit_drain_failed'])
  })

  it('while a transaction runs: it is waited for, and the next one is not begun', async (t) => {
    const gate = Promise.withResolvers<void>()
    const world = open(t, {
      meanwhile: async ({ kind }) => {
        if (kind === 'append') await gate.promise
      },
    })
    world.write('one', 'two', 'three', 'four', 'five')
    await settled()
    assert.equal(world.loop.state().kind, 'draining')
    let isStopped = false
    const stopping = world.loop.stop().then(() => (isStopped = true))
    await settled()
    assert.deepEqual([isStopped, world.sink.rows], [false, []])
    gate.resolve()
    await stopping
    assert.equal(appends(world.sink), 1)
    assert.deepEqual(
      [world.counts.stored, world.sink.rows.length],
      [world.sink.rows.length, world.counts.stored],
    )
    assert.equal(BigInt(world.counts.position), world.sink.positionOf(id))
  })

  it('while a transaction runs that then fails: nothing is tried again', async (t) => {
    const gate = Promise.withResolvers<void>()
    const world = open(t, {
      faultAt: ({ kind }) => (kind === 'append' ? 'before' : undefined),
      meanwhile: async ({ kind }) => {
        if (kind === 'append') await gate.promise
      },
    })
    world.write('one')
    await settled()
    const stopping = world.loop.stop()
    gate.resolve()
    await stopping
    assert.deepEqual([appends(world.sink), world.events], [1, []])
  })

  it('by somebody who has just been told of trouble', async (t) => {
    stillTime(t)
    const world = open(t, {
      faultAt: ({ kind }) => (kind === 'append' ? 'before' : undefined),
      onEvent: (_, self) => void self().loop.stop(),
    })
    world.write('one')
    await settled()
    await world.loop.stop()
    assert.deepEqual([world.loop.state().kind, appends(world.sink)], ['stopped', 1])
  })

  it('while it adopts: after the slice, with the rest left for others', async (t) => {
    const root = newRoot()
    leaveSpool(root, 'aa00000000000001', ['one', 'two', 'three', 'four', 'five', 'six', 'seven'])
    const world = open(t, { root, adopts: true, meanwhile: () => settled(2) })
    world.loop.hurry()
    while (world.sink.rows.length === 0) await settled(1)
    await world.loop.stop()
    assert.ok(world.sink.rows.length < 7, String(world.sink.rows))
    assert.deepEqual(listSpools(root).toSorted(), [id, 'aa00000000000001'])
    const next = open(t, { root: newRoot() })
    assert.equal(next.loop.state().kind, 'idle')
    assert.ok(acquireLock(lockPath(root, 'aa00000000000001')), 'its lock is free')
  })
})

describe('the spools of the dead', () => {
  const dead = 'aa00000000000001'

  it('are adopted before the own rows, once, and it is said how many', async (t) => {
    const root = newRoot()
    leaveSpool(root, dead, ['old 1', 'old 2', 'bad'])
    leaveSpool(root, 'aa00000000000002', [])
    const world = open(t, { root, adopts: true, refuses: isBad })
    world.write('new')
    await settled(20)
    assert.deepEqual(world.sink.rows, ['old 1', 'old 2', 'new'])
    assert.deepEqual(
      world.events.map((event) => (event.event === 'audit_row_quarantined' ? event.message : event)),
      ['no room for bad', { event: 'audit_spool_adopted', spools: 2, rows: 2 }],
    )
    assert.equal(world.counts.stored, 1, 'the own counters count own rows')
    assert.deepEqual(listSpools(root), [id])
  })

  it('are looked for again after ten seconds, when there is something to do', async (t) => {
    const root = newRoot()
    const world = open(t, { root, adopts: true })
    world.write('one')
    await settled(10)
    leaveSpool(root, dead, ['old'])
    world.clock.advance(9_999)
    world.write('two')
    await settled(10)
    assert.deepEqual(world.sink.rows, ['one', 'two'])
    world.clock.advance(1)
    world.write('three')
    await settled(10)
    assert.deepEqual(world.sink.rows, ['one', 'two', 'old', 'three'])
  })

  it('wait with everything else for a store that is away', async (t) => {
    const pass = stillTime(t)
    const root = newRoot()
    leaveSpool(root, dead, ['old 1', 'old 2'])
    let isAway = true
    const world = open(t, { root, adopts: true, faultAt: () => (isAway ? 'before' : undefined) })
    world.loop.hurry()
    await settled(10)
    assert.deepEqual([world.loop.state().kind, names(world.events)], ['backing_off', ['audit_drain_failed']])
    isAway = false
    await pass(100)
    await settled(10)
    assert.deepEqual(world.sink.rows, ['old 1', 'old 2'])
    assert.deepEqual(names(world.events), [
      'audit_drain_failed',
      'audit_spool_adopted',
      'audit_drain_recovered',
    ])
  })

  it('what was adopted before the store went away is told', async (t) => {
    const pass = stillTime(t)
    const root = newRoot()
    leaveSpool(root, dead, ['old 1', 'old 2'], 1_000)
    leaveSpool(root, 'aa00000000000002', ['old 3'], 2_000)
    // Where, take, forget; where, take.
    const world = open(t, { root, adopts: true, faultAt: (_, index) => (index === 4 ? 'before' : undefined) })
    world.loop.hurry()
    await settled(10)
    await pass(100)
    await settled(10)
    assert.deepEqual(
      world.events.filter(({ event }) => event === 'audit_spool_adopted'),
      [
        { event: 'audit_spool_adopted', spools: 1, rows: 2 },
        { event: 'audit_spool_adopted', spools: 1, rows: 1 },
      ],
    )
  })

  it('one that cannot be read holds up nobody, is named once, and adopted when it can be', async (t) => {
    const root = newRoot()
    leaveSpool(root, dead, ['old'])
    rmSync(lockPath(root, dead))
    mkdirSync(lockPath(root, dead))
    const world = open(t, { root, adopts: true })
    for (const text of ['one', 'two', 'three']) {
      world.write(text)
      await settled(10)
      world.clock.advance(10_000)
    }
    assert.deepEqual(world.sink.rows, ['one', 'two', 'three'])
    const [event, ...more] = world.events
    assert.ok(event?.event === 'audit_spool_not_adopted' && more.length === 0, names(world.events).join())
    assert.deepEqual([event.spool, event.code], [dead, 'STORE_UNKNOWN'])
    assert.equal(world.loop.state().failures, 0)
    rmSync(lockPath(root, dead), { recursive: true })
    world.write('four')
    await settled(10)
    assert.deepEqual(world.sink.rows, ['one', 'two', 'three', 'old', 'four'])
  })
})
