// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { FastenError } from '../core/error.ts'
import { streams } from '../core/row.ts'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { spooled } from '../testing/store-contract.ts'
import type { DrainEvent } from './drain-loop.ts'
import { createDrainRunner, type DrainRunner } from './drain-runner.ts'
import { createDrainShared, type DrainShared } from './drain-shared.ts'
import { createRoots, createStillClock, openSpool, settled, until } from './fixtures/spools.ts'
import { openStore } from './open.ts'
import type { Store } from './ports.ts'
import { listSpools, spoolDirectory } from './spool/layout.ts'
import { createSpoolReader } from './spool/reader.ts'

const id = '00112233445566aa'
const newRoot = createRoots()

interface World {
  readonly root: string
  readonly runner: DrainRunner
  readonly shared: DrainShared
  readonly events: DrainEvent[]
  /** How often a store was opened, and how many are open. */
  readonly opened: { times: number; now: number }
  /** The ids of rows that were written and of which the runner was told. */
  write(rows: number): string[]
}

/** A runner over a real spool and a SQLite file that can be opened unless `isAway`, and is asked for rows in vain while `isBusy`. */
function open(
  t: TestContext,
  isAway: () => boolean = () => false,
  isBusy: () => boolean = () => false,
): World {
  const root = newRoot()
  const writer = openSpool(root, id)
  const samples = createSampleDrafts()
  const shared = createDrainShared()
  const events: DrainEvent[] = []
  const opened = { times: 0, now: 0 }
  const runner = createDrainRunner({
    root,
    reader: createSpoolReader(id, spoolDirectory(root, id)),
    shared,
    async openStore(): Promise<Store> {
      opened.times++
      if (isAway()) throw new FastenError('STORE_MISSING', 'the disk is not mounted')
      const path = join(root, 'rows.db')
      const store = await openStore({ dsn: { kind: 'sqlite', path, isMemory: false }, streams })
      opened.now++
      return {
        ...store,
        async scan(query) {
          if (isBusy()) throw new FastenError('STORE_BUSY', 'deadlock detected')
          return store.scan(query)
        },
        async close() {
          opened.now--
          await store.close()
        },
      }
    },
    clock: createStillClock(),
    ids: { randomHex: () => '8000', randomBase32: (count) => new Uint8Array(count) },
    rowsMax: 100,
    lingerMs: 0,
    adopts: true,
    onEvent: (event) => void events.push(event),
    onProgress: () => {},
  })
  t.after(async () => {
    await runner.stop(1000)
    writer.close()
  })
  return {
    root,
    runner,
    shared,
    events,
    opened,
    write(rows) {
      const drafts = Array.from({ length: rows }, () => samples.audit())
      for (const draft of drafts) {
        const { log, text } = spooled(draft)
        shared.written = writer.append(log, Buffer.from(text).toString())
      }
      runner.wake()
      return drafts.map((draft) => draft.id)
    },
  }
}

describe('a drain runner', () => {
  it('opens its store once, counts what it stores, and finds each row', async (t) => {
    const { runner, shared, opened, write } = open(t)
    const [first = '', second = ''] = write(2)
    await until(() => shared.storedRows === 2)
    write(1)
    await until(() => shared.storedRows === 3 && shared.isIdle)
    assert.deepEqual([opened, shared.storedRows, shared.stored], [{ times: 1, now: 1 }, 3, shared.written])
    assert.equal((await runner.locate('audit', first))?.monotonic_seq, 1)
    assert.equal((await runner.locate('audit', second))?.monotonic_seq, 2)
    assert.equal(await runner.locate('audit', 'evt-00000000000000000000000000'), null)
    assert.equal(shared.isIdle, true)
  })

  it('says where a row is once a busy store answers, and that it cannot when it ends before', async (t) => {
    const answers = [true, true, false]
    const { runner, shared, write } = open(t, undefined, () => answers.shift() ?? true)
    const [first = ''] = write(1)
    await until(() => shared.storedRows === 1)
    assert.equal((await runner.locate('audit', first))?.monotonic_seq, 1)
    const never = assert.rejects(runner.locate('audit', first), { code: 'STORE_BUSY' })
    await runner.stop(1000)
    await never
  })

  it('shares every failure and every wait while its store cannot be opened, and that it is over', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    let isAway = true
    const { shared, events, opened, write } = open(t, () => isAway)
    write(2)
    const seen: (readonly [number, number])[] = []
    for (const [index, wait] of [100, 200, 400].entries()) {
      await until(() => shared.failures === index + 1 && shared.backoffMs > 0)
      seen.push([shared.failures, shared.backoffMs])
      t.mock.timers.tick(wait)
    }
    await settled()
    assert.deepEqual(seen, [
      [1, 100],
      [2, 200],
      [3, 400],
    ])
    isAway = false
    t.mock.timers.tick(800)
    await until(() => shared.isIdle)
    assert.deepEqual([shared.failures, shared.backoffMs, shared.storedRows], [0, 0, 2])
    assert.deepEqual(opened, { times: 5, now: 1 })
    assert.deepEqual(
      events.map(({ event }) => event),
      ['audit_drain_failed', 'audit_drain_recovered'],
    )
  })

  it('leaves nothing of a spool that is empty, and all of one that is not', async (t) => {
    const emptied = open(t)
    emptied.write(2)
    await until(() => emptied.shared.storedRows === 2)
    await emptied.runner.stop(1000)
    assert.deepEqual([listSpools(emptied.root), emptied.opened.now], [[], 0])

    const waiting = open(t, () => true)
    waiting.write(1)
    await settled()
    await waiting.runner.stop(1000)
    assert.deepEqual([listSpools(waiting.root), waiting.shared.storedRows], [[id], 0])
  })
})
