// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DrainPlace } from '../drain.ts'
import { createLedgerSink, type LedgerSink } from '../fixtures/ledger-sink.ts'
import { createRoots, createStillClock, leaveSpool, log, openSpool, settled } from '../fixtures/spools.ts'
import type { RowSink } from '../ports.ts'
import { listQuarantine, quarantineName } from '../quarantine.ts'
import { adoptSpools, type AdoptionFault } from './adopt.ts'
import {
  listSpools,
  listSegments,
  lockPath,
  quarantineDirectory,
  segmentPath,
  spoolDirectory,
} from './layout.ts'
import { acquireLock } from './lock.ts'

const newRoot = createRoots()
const clock = createStillClock()
const [first, second, third] = ['cc00000000000001', 'aa00000000000002', 'bb00000000000003'] as const

/** Rows of a process, numbered. */
const rowsOf = (name: string, rows: number): string[] =>
  Array.from({ length: rows }, (_, index) => `${name} ${String(index).padStart(2, '0')} ${'x'.repeat(40)}`)

const placeOf = (root: string, sink: RowSink, rowsMax = 3): DrainPlace => ({ sink, root, clock, rowsMax })

async function adopt(
  root: string,
  sink: RowSink,
  own: string | null = null,
): Promise<readonly AdoptionFault[]> {
  return adoptSpools(placeOf(root, sink), { own, onSlice: () => {} })
}

describe('adoption', () => {
  it('stores what several dead processes left, the first of them first, and leaves nothing of them', async () => {
    const root = newRoot()
    // Started in this order; their names would say otherwise.
    leaveSpool(root, first, rowsOf('first', 9), 1_000)
    leaveSpool(root, second, rowsOf('second', 5), 2_000)
    leaveSpool(root, third, rowsOf('third', 7), 3_000)
    assert.ok(listSegments(spoolDirectory(root, first)).length > 2, 'over several segments')
    const sink = createLedgerSink()
    const adopted: string[] = []
    let stored = 0
    const faults = await adoptSpools(placeOf(root, sink), {
      own: null,
      onSlice: (slice) => (stored += slice.stored),
      onAdopted: (spool) => adopted.push(spool),
    })
    assert.deepEqual([faults, adopted, stored], [[], [first, second, third], 21])
    assert.deepEqual(sink.rows, [...rowsOf('first', 9), ...rowsOf('second', 5), ...rowsOf('third', 7)])
    assert.deepEqual(readdirSync(root), [])
    for (const spool of [first, second, third]) assert.equal(sink.positionOf(spool), undefined)
  })

  it('leaves its own spool alone, and those of the living', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('own', 2))
    leaveSpool(root, second, rowsOf('alive', 2))
    const lock = acquireLock(lockPath(root, second))
    const sink = createLedgerSink()
    assert.deepEqual(await adopt(root, sink, first), [])
    assert.deepEqual([sink.calls, listSpools(root).toSorted()], [[], [second, first]])
    lock?.release()
    await adopt(root, sink, first)
    assert.deepEqual([sink.rows, listSpools(root)], [rowsOf('alive', 2), [first]])
  })

  it('goes on where the dead process had got to', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('row', 6))
    const dead = createLedgerSink({ faultAt: (_, index) => (index === 2 ? 'after' : undefined) })
    await assert.rejects(adopt(root, dead), { code: 'STORE_AWAY' })
    assert.deepEqual(dead.rows, rowsOf('row', 4), 'two rows to a segment, one segment to a slice')
    await adopt(root, dead)
    assert.deepEqual([dead.rows, dead.offeredAgain], [rowsOf('row', 6), []])
  })

  it('takes a spool without a row, without a segment, without a lock, and one that was emptied already', async () => {
    const root = newRoot()
    leaveSpool(root, first, [])
    mkdirSync(spoolDirectory(root, second))
    writeFileSync(`${spoolDirectory(root, second)}/reserve`, Buffer.alloc(512))
    leaveSpool(root, third, rowsOf('third', 3))
    rmSync(lockPath(root, third))
    const emptied = 'dd00000000000004'
    leaveSpool(root, emptied, rowsOf('emptied', 3))
    const sink = createLedgerSink()
    await sink.append({ spool: emptied, position: 1n << 40n, drafts: [] })
    assert.deepEqual(await adopt(root, sink), [])
    assert.deepEqual([sink.rows, readdirSync(root)], [rowsOf('third', 3), []])
    assert.equal(sink.positionOf(emptied), undefined)
  })

  it('stores what is whole before a torn tail, and keeps the tail as evidence', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('row', 7))
    const last = listSegments(spoolDirectory(root, first)).at(-1) ?? assert.fail('there are segments')
    const file = segmentPath(spoolDirectory(root, first), last)
    truncateSync(file, statSync(file).size - 5)
    const sink = createLedgerSink()
    await adopt(root, sink)
    assert.deepEqual(sink.rows, rowsOf('row', 6))
    const [entry, ...more] = listQuarantine(root)
    assert.deepEqual(
      [entry?.kind, entry?.code, entry?.spool, entry?.name, more],
      ['bytes', 'SPOOL_TORN', first, quarantineName(first, entry?.position ?? -1), []],
    )
    assert.ok(Buffer.from(entry?.bytes ?? []).includes('row 06'))
    assert.deepEqual(listSpools(root), [])
  })

  it('stores what is left when a segment was taken away, and says how much is missing', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('row', 8))
    const directory = spoolDirectory(root, first)
    const starts = listSegments(directory)
    const perSegment = 8 / starts.length
    assert.ok(Number.isInteger(perSegment) && starts.length >= 3)
    rmSync(segmentPath(directory, starts[1] ?? -1))
    const sink = createLedgerSink()
    await adopt(root, sink)
    assert.deepEqual(
      sink.rows,
      rowsOf('row', 8).filter((_, index) => Math.floor(index / perSegment) !== 1),
    )
    assert.deepEqual(
      listQuarantine(root).map(({ code, message }) => [code, message.replace(/\d+/, 'n')]),
      [['SPOOL_DAMAGED', 'spool segment is cut off; n bytes are not rows']],
    )
  })

  it('a store that fails at any call stops it where it is; later it goes on, and each row is stored once', async () => {
    const texts = { [first]: rowsOf('first', 5), [second]: [], [third]: [...rowsOf('third', 4), 'bad'] }
    const left = (): string => {
      const root = newRoot()
      for (const [index, [spool, rows]] of Object.entries(texts).entries())
        leaveSpool(root, spool, rows, 1_000 + index)
      return root
    }
    const sinkWith = (at: number, site: 'before' | 'after'): LedgerSink =>
      createLedgerSink({
        refuses: (text) => text === 'bad',
        faultAt: (_, index) => (index === at ? site : undefined),
      })
    const whole = sinkWith(-1, 'before')
    await adopt(left(), whole)
    const expected = [...rowsOf('first', 5), ...rowsOf('third', 4)]
    assert.deepEqual(whole.rows, expected)
    for (let at = 0; at < whole.calls.length; at++) {
      for (const site of ['before', 'after'] as const) {
        const about = `${site} call ${at}: ${JSON.stringify(whole.calls[at]?.kind)}`
        const root = left()
        const sink = sinkWith(at, site)
        await assert.rejects(adopt(root, sink), { code: 'STORE_AWAY' }, about)
        const offered = sink.offeredAgain.length
        assert.deepEqual(await adopt(root, sink), [], about)
        assert.deepEqual(sink.rows, expected, about)
        assert.equal(sink.offeredAgain.length, offered, about)
        assert.deepEqual(listSpools(root), [], about)
        assert.equal(listQuarantine(root).length, 1, about)
      }
    }
  })

  it('the files are gone before the store forgets how far they were stored', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('row', 3))
    let wasThere: boolean | undefined
    const sink = createLedgerSink({
      meanwhile({ kind }) {
        if (kind === 'forgetSpool') wasThere = existsSync(spoolDirectory(root, first))
      },
    })
    await adopt(root, sink)
    assert.equal(wasThere, false)
  })

  it('what is wrong with one spool holds up no other, and is tried again', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('first', 2), 1_000)
    leaveSpool(root, second, ['bad'], 2_000)
    leaveSpool(root, third, rowsOf('third', 2), 3_000)
    // A lock that is none, and a quarantine that cannot be written.
    rmSync(lockPath(root, first))
    mkdirSync(lockPath(root, first))
    writeFileSync(quarantineDirectory(root), 'in the way')
    const sink = createLedgerSink({ refuses: (text) => text === 'bad' })
    const faults = new Map((await adopt(root, sink)).map(({ spool, error }) => [spool, String(error)]))
    assert.deepEqual([...faults.keys()].toSorted(), [second, first])
    assert.match(faults.get(first) ?? '', /unable to open database file/)
    assert.match(faults.get(second) ?? '', /could not be put into quarantine/)
    assert.deepEqual([sink.rows, listSpools(root).toSorted()], [rowsOf('third', 2), [second, first]])
    rmSync(lockPath(root, first), { recursive: true })
    rmSync(quarantineDirectory(root))
    assert.deepEqual(await adopt(root, sink), [])
    assert.deepEqual([sink.rows.length, listSpools(root), listQuarantine(root).length], [4, [], 1])
  })

  it('never removes a spool that it could not read to its end', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('row', 6))
    const directory = spoolDirectory(root, first)
    const before = listSegments(directory).map((start) => readFileSync(segmentPath(directory, start)))
    const sink = createLedgerSink({
      meanwhile({ kind }) {
        // Somebody cuts the files after it was seen how long they are.
        if (kind === 'append')
          for (const start of listSegments(directory)) truncateSync(segmentPath(directory, start), 0)
      },
    })
    const [fault, ...more] = await adopt(root, sink)
    assert.deepEqual(more, [])
    assert.match(String(fault?.error), /ends before what was written to it/)
    assert.deepEqual(listSpools(root), [first])
    for (const [index, start] of listSegments(directory).entries())
      writeFileSync(segmentPath(directory, start), before[index] ?? '')
    const healed = createLedgerSink()
    await adopt(root, healed)
    assert.deepEqual(healed.rows, rowsOf('row', 6))
  })

  it('two at once share the work: each row is stored once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }), async (pauses) => {
        const root = newRoot()
        leaveSpool(root, first, rowsOf('first', 5), 1_000)
        leaveSpool(root, second, rowsOf('second', 4), 2_000)
        leaveSpool(root, third, rowsOf('third', 3), 3_000)
        let calls = 0
        const sink = createLedgerSink({ meanwhile: () => settled(pauses[calls++ % pauses.length] ?? 0) })
        const faults = await Promise.all([adopt(root, sink), adopt(root, sink)])
        // Who found a spool taken has passed it by; nobody has left any behind.
        assert.deepEqual(faults, [[], []])
        assert.deepEqual(sink.rows.toSorted(), [
          ...rowsOf('first', 5),
          ...rowsOf('second', 4),
          ...rowsOf('third', 3),
        ])
        assert.deepEqual([sink.offeredAgain, readdirSync(root)], [[], []])
      }),
      { numRuns: 12 },
    )
  })

  it('stops between two slices when it is told to, and leaves the rest as it is', async () => {
    const root = newRoot()
    leaveSpool(root, first, rowsOf('first', 6), 1_000)
    leaveSpool(root, second, rowsOf('second', 3), 2_000)
    const sink = createLedgerSink()
    let slices = 0
    const faults = await adoptSpools(placeOf(root, sink, 2), {
      own: null,
      onSlice: () => slices++,
      isStopped: () => slices === 2,
    })
    assert.deepEqual([faults, sink.rows], [[], rowsOf('first', 4)])
    assert.deepEqual(listSpools(root).toSorted(), [second, first])
    assert.ok(acquireLock(lockPath(root, first)), 'somebody else may go on')
  })

  it('a spool that is written while it is looked at belongs to its writer', async () => {
    const root = newRoot()
    const lock = acquireLock(lockPath(root, first))
    const writer = openSpool(root, first)
    writer.append(log, 'one')
    const sink = createLedgerSink()
    await adopt(root, sink)
    writer.append(log, 'two')
    assert.deepEqual([sink.rows, listSpools(root)], [[], [first]])
    writer.close()
    lock?.release()
    await adopt(root, sink)
    assert.deepEqual(sink.rows, ['one', 'two'])
  })
})
