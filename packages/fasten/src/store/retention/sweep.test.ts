// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { builtinPolicy } from '../../core/retention-policy.ts'
import { formatMicros, parseTime } from '../../core/timestamp.ts'
import { localReader } from '../../reader/local.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { openStore } from '../open.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import type { Store } from '../ports.ts'
import { batch, createPlaces, targetOf } from '../sqlite/fixtures/places.ts'
import { sweep } from './sweep.ts'
import { createSweeper, type SweepEvent } from './sweeper.ts'

const folder = createPlaces()
const day = 86_400_000_000
const start = parseTime('2027-01-01', 0) ?? 0

test('one event an hour for a month: every one is in page, thread and evidence, until its day comes', async () => {
  let wallMicros = start
  let uptimeMicros = 0
  const clock = { ...createSystemClock(), nowMicros: () => wallMicros }
  const store = await openStore(targetOf(join(folder(), 'rows.db')), {
    digest: sha256,
    clock,
    ids: createSystemIds(),
  })
  try {
    const reader = localReader({
      sources: { streams: { audit: store, sys: store, api: store } },
      digest: sha256,
      clock,
    })
    const samples = createSampleDrafts()
    const all: string[] = []
    for (let hour = 0; hour < 24 * 40; hour++) {
      const draft = samples.audit({
        timestamp: formatMicros(wallMicros),
        request_id: `hour-${hour}`,
        retention_class: 'short',
      })
      await store.append(batch([draft], hour + 1))
      all.push(draft.id)
      if (hour % 6 === 5) await sweepOf(store, { machine: 'one', uptimeMicros, wallMicros })
      if (hour === 24 * 30 - 1) {
        assert.equal(await store.count('audit', { code: 'ORDER_PLACED' }, 1e6), 24 * 30)
        assert.equal((await reader.thread('hour-0')).rows.length, 1)
      }
      wallMicros += day / 24
      uptimeMicros += day / 24
    }
    const there = (
      await store.scan({ stream: 'audit', filter: { code: 'ORDER_PLACED' }, order: 'oldest', limit: 9999 })
    ).map(({ row }) => row.id)
    // The last sweep was at the hour of the newest row, and took what was stored 30 days before it.
    assert.deepEqual(there, all.slice(24 * 10))
    const paged: string[] = []
    for (let cursor: string | undefined; ;) {
      const page = await reader.page({
        stream: 'audit',
        filter: { code: 'ORDER_PLACED' },
        limit: 100,
        order: 'oldest',
        ...(cursor === undefined ? {} : { cursor }),
      })
      paged.push(...page.rows.map(({ id }) => id))
      assert.ok(page.rows.every(({ verification }) => verification === 'verified'))
      if (page.next_cursor === null) break
      cursor = page.next_cursor
    }
    assert.deepEqual(paged, there)
    const verdict = await reader.verify({})
    assert.deepEqual([verdict.verdict, verdict.logs[0]?.rows_expired, verdict.rows_missing], ['PASS', 240, 0])
    const [head] = await store.heads()
    const left = await reader.row({ log: head?.log ?? '', monotonic_seq: 1 })
    assert.ok(left?.verification === 'expired')
    assert.deepEqual([left.swept_by.class, left.hash.length], ['short', 64])
    // A range that ends before the sweep is explained by it all the same.
    assert.deepEqual((await reader.verify({ to_seq: 300 })).logs[0]?.rows_expired, 240)
  } finally {
    await store.close()
  }
})

test('a sweep that is killed at any moment is ended by the next one', async () => {
  for (const slices of [1, 2]) {
    const path = await filled(10_000)
    const child = sweeperOn(path)
    const exited = once(child, 'exit')
    let seen = 0
    for await (const line of linesOf(child)) {
      child.stdin?.write('.')
      assert.equal(line, 'slice')
      if (++seen === slices) {
        child.kill('SIGKILL')
        break
      }
    }
    await exited
    const rest = sweeperOn(path)
    rest.stdin?.end()
    let rows = -1
    for await (const line of linesOf(rest)) if (line !== 'slice') rows = Number(line)
    assert.ok(rows > 0 && rows < 10_000, `${rows} rows were left to sweep`)
    const store = await openStore(targetOf(path, { mode: 'read' }))
    try {
      const reader = localReader({
        sources: { streams: { audit: store, sys: store, api: store } },
        digest: sha256,
        clock: createSystemClock(),
      })
      const { verdict, logs } = await reader.verify({})
      assert.deepEqual([verdict, logs[0]?.rows_expired], ['PASS', 10_000])
    } finally {
      await store.close()
    }
  }
})

test('of two processes that sweep at once, one does and the other says so', async () => {
  const path = await filled(10_000)
  const first = sweeperOn(path)
  const lines = linesOf(first)[Symbol.asyncIterator]()
  assert.equal((await lines.next()).value, 'slice')
  let second: string | undefined
  const other = sweeperOn(path)
  other.stdin?.end()
  for await (const line of linesOf(other)) second = line
  assert.equal(second, 'null')
  first.stdin?.end()
  let last = ''
  for (let line = await lines.next(); line.done !== true; line = await lines.next()) last = line.value
  assert.equal(last, '10000')
})

test('a sweeper sweeps its own service by itself, and tells what it did or why it could not', async () => {
  const path = await filled(50)
  const events: SweepEvent[] = []
  const store = await openStore(targetOf(path))
  let late: NodeJS.Timeout | undefined
  try {
    const told = await new Promise<SweepEvent>((resolve) => {
      const sweeper = createSweeper({
        needsReplication: false,
        settings: { policy: builtinPolicy, sweepIntervalMs: 1000, service_id: 'gateway' },
        store: async () => store,
        digest: sha256,
        clock: { ...createSystemClock(), nowMicros: () => start + 31 * day },
        uptime: () => ({ machine: 'one', uptimeMicros: 31 * day }),
        needsCheckpoint: false,
        onEvent(event) {
          events.push(event)
          if (event.event === 'retention_first_sweep') return
          void sweeper.stop().then(() => resolve(event))
        },
      })
      // Its timers keep no process alive.
      late = setTimeout(
        () => resolve({ event: 'retention_purge_failed', error: 'nothing was told', code: '' }),
        60_000,
      )
    })
    clearTimeout(late)
    const [first] = events
    assert.ok(first?.event === 'retention_first_sweep')
    assert.deepEqual(
      [first.rows, first.seconds, told, events.length],
      [50, 1, { event: 'retention_swept', rows: 50, details: 0, logs: 1, held: 0 }, 2],
    )
  } finally {
    await store.close()
  }
})

async function sweepOf(
  store: Store,
  reading: Parameters<NonNullable<Store['pruner']>['retentionTime']>[0],
): Promise<void> {
  const { pruner } = store
  if (pruner === undefined) throw new TypeError('the store has no pruner')
  const options = { pruner, policy: builtinPolicy, digest: sha256, reading: () => reading }
  await sweep({ ...options, needsReplication: false, needsCheckpoint: false, pause: async () => {} })
}

/** A file with rows of the class `short` that are 31 days old at `start` + 31 days. */
async function filled(rows: number): Promise<string> {
  const path = join(folder(), 'rows.db')
  const clock = { ...createSystemClock(), nowMicros: () => start + 31 * day }
  const store = await openStore(targetOf(path), { digest: sha256, clock, ids: createSystemIds() })
  const samples = createSampleDrafts()
  const timestamp = formatMicros(start)
  for (let at = 0; at < rows; at += 5000) {
    const drafts = Array.from({ length: Math.min(5000, rows - at) }, () =>
      samples.audit({ retention_class: 'short', timestamp }),
    )
    await store.append(batch(drafts, at + drafts.length))
  }
  await store.close()
  return path
}

const entry = fileURLToPath(new URL('./fixtures/sweeping-child.ts', import.meta.url))

function sweeperOn(path: string): ChildProcess {
  const args = [entry, JSON.stringify(targetOf(path)), String(start + 31 * day)]
  return spawn(process.execPath, [...process.execArgv, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
}

function linesOf({ stdout }: ChildProcess): AsyncIterable<string> {
  if (stdout === null) throw new TypeError('the process has no output')
  return createInterface({ input: stdout })
}
