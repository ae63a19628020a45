// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { drainSlice, type DrainPlace } from './drain.ts'
import {
  createLedgerSink,
  type FaultSite,
  type LedgerOptions,
  type LedgerSink,
} from './fixtures/ledger-sink.ts'
import { createRoots, createStillClock, log, openSpool } from './fixtures/spools.ts'
import type { RowSink } from './ports.ts'
import { listQuarantine } from './quarantine.ts'
import { quarantineDirectory, segmentPath, spoolDirectory } from './spool/layout.ts'
import { createSpoolReader } from './spool/reader.ts'

const id = '00112233445566aa'
const newRoot = createRoots()
const clock = createStillClock()
const isBad = (text: string): boolean => text.startsWith('bad')

function spoolOf(texts: readonly string[]): { root: string; end: number } {
  const root = newRoot()
  const writer = openSpool(root, id)
  for (const text of texts) writer.append(log, text)
  writer.close()
  return { root, end: writer.position }
}

const placeOf = (root: string, sink: RowSink, rowsMax = 4): DrainPlace => ({ sink, root, clock, rowsMax })

/** Drains from where the store says, as a process does that has just started; throws what the store throws. */
async function drainAll(root: string, sink: LedgerSink, end: number, rowsMax?: number): Promise<void> {
  const reader = createSpoolReader(id, spoolDirectory(root, id))
  try {
    let position = Number(await sink.spoolPosition(id))
    while (position < end)
      ({ position } = await drainSlice(placeOf(root, sink, rowsMax), reader, position, end))
  } finally {
    reader.close()
  }
}

describe('a slice', () => {
  it('is stored with its position, and says how much that was', async () => {
    const { root, end } = spoolOf(['one', 'two', 'three'])
    const sink = createLedgerSink()
    const reader = createSpoolReader(id, spoolDirectory(root, id))
    const first = await drainSlice(placeOf(root, sink, 2), reader, 0, end)
    assert.deepEqual([first.stored, first.quarantined, sink.rows], [2, [], ['one', 'two']])
    assert.equal(sink.positionOf(id), BigInt(first.position))
    const second = await drainSlice(placeOf(root, sink, 2), reader, first.position, end)
    assert.deepEqual([second.position, second.stored], [end, 1])
    assert.deepEqual(await drainSlice(placeOf(root, sink), reader, end, end), {
      position: end,
      stored: 0,
      quarantined: [],
    })
    assert.equal(sink.calls.length, 2, 'nothing to store is no transaction')
    reader.close()
  })

  it('what the store refuses is in quarantine, whole, before anything passes it; the others go on in order', async () => {
    const { root, end } = spoolOf(['a', 'bad 1', 'b', 'bad 2', 'c'])
    const quarantinedAt: number[] = []
    const sink = createLedgerSink({
      refuses: isBad,
      meanwhile: () => void quarantinedAt.push(listQuarantine(root).length),
    })
    await drainAll(root, sink, end, 10)
    assert.deepEqual(sink.rows, ['a', 'b', 'c'])
    assert.deepEqual(quarantinedAt, [0, 0, 2], 'asked for the position, refused, and only then stored')
    assert.deepEqual(
      listQuarantine(root).map(({ kind, code, message, spool, position, log: of, bytes }) => [
        kind,
        code,
        message,
        spool,
        position,
        of,
        Buffer.from(bytes).toString(),
      ]),
      [
        ['row', 'ROW_TOO_LARGE', 'no room for bad 1', id, 0, log, 'bad 1'],
        ['row', 'ROW_TOO_LARGE', 'no room for bad 2', id, 0, log, 'bad 2'],
      ],
    )
  })

  it('of refused drafts only still moves the position', async () => {
    const { root, end } = spoolOf(['bad 1', 'bad 2'])
    const sink = createLedgerSink({ refuses: isBad })
    await drainAll(root, sink, end)
    assert.deepEqual([sink.rows, sink.positionOf(id), listQuarantine(root).length], [[], BigInt(end), 2])
  })

  it('a store that finds more to refuse at each attempt is asked again until it takes the rest', async () => {
    const texts = ['a', 'b', 'c', 'd']
    const { root, end } = spoolOf(texts)
    const sink = createLedgerSink()
    const picky: RowSink = {
      ...sink,
      append: async (batch) =>
        batch.drafts.length > 2
          ? { appended: [], rejected: [{ index: 1, code: 'ROW_ODD', message: 'odd' }] }
          : sink.append(batch),
    }
    const reader = createSpoolReader(id, spoolDirectory(root, id))
    const slice = await drainSlice(placeOf(root, picky), reader, 0, end)
    reader.close()
    assert.deepEqual([slice.stored, sink.rows], [2, ['a', 'd']])
    assert.deepEqual(
      listQuarantine(root).map(({ name, bytes }) => [name, Buffer.from(bytes).toString()]),
      [
        [`${id}-0.1`, 'b'],
        [`${id}-0.2`, 'c'],
      ],
    )
  })

  it('a store that refuses what it was not offered is a mistake, not a loop', async () => {
    const { root, end } = spoolOf(['a'])
    const wrong: RowSink = {
      ...createLedgerSink(),
      append: async () => ({ appended: [], rejected: [{ index: 7, code: 'X', message: '' }] }),
    }
    const reader = createSpoolReader(id, spoolDirectory(root, id))
    await assert.rejects(drainSlice(placeOf(root, wrong), reader, 0, end), /refused draft 7 of 1/)
    reader.close()
  })

  it('where quarantine cannot be written, nothing passes the row that should be in it', async () => {
    const { root, end } = spoolOf(['a', 'bad', 'b'])
    writeFileSync(quarantineDirectory(root), 'in the way')
    const sink = createLedgerSink({ refuses: isBad })
    await assert.rejects(drainAll(root, sink, end), { name: 'FastenError', code: 'QUARANTINE_IO' })
    assert.deepEqual([sink.rows, sink.positionOf(id)], [[], undefined])
    rmSync(quarantineDirectory(root))
    await drainAll(root, sink, end)
    assert.deepEqual([sink.rows, listQuarantine(root).length], [['a', 'b'], 1])
  })

  it('a process that dies at any call of the store loses nothing, repeats nothing and quarantines once', async () => {
    const texts = ['a', 'bad 1', 'b', 'c', 'd', 'bad 2', 'bad 3', 'e', 'f', 'g']
    const plan = (options: LedgerOptions): LedgerSink => createLedgerSink({ refuses: isBad, ...options })
    const whole = plan({})
    const { root: first, end } = spoolOf(texts)
    await drainAll(first, whole, end, 3)
    const names = listQuarantine(first).map(({ name }) => name)
    assert.equal(names.length, 3)
    for (let at = 0; at < whole.calls.length; at++) {
      for (const site of ['before', 'after'] as const) {
        const { root } = spoolOf(texts)
        const sink = plan({ faultAt: (_, index) => (index === at ? site : undefined) })
        await assert.rejects(drainAll(root, sink, end, 3), { code: 'STORE_AWAY' })
        const offered = sink.offeredAgain.length
        await drainAll(root, sink, end, 3)
        const about = `${site} call ${at}`
        assert.deepEqual(
          sink.rows,
          texts.filter((text) => !isBad(text)),
          about,
        )
        assert.equal(sink.offeredAgain.length, offered, `${about}: the position says where to go on`)
        assert.deepEqual(
          listQuarantine(root).map(({ name }) => name),
          names,
          about,
        )
      }
    }
  })

  it('a process that dies again and again, anywhere, still stores each row once', async () => {
    const texts = Array.from({ length: 12 }, (_, index) =>
      index % 4 === 2 ? `bad ${index}` : `row ${index}`,
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(6), fc.constantFrom<FaultSite[]>('before', 'after')), { maxLength: 12 }),
        fc.integer({ min: 1, max: 5 }),
        async (deaths, rowsMax) => {
          const { root, end } = spoolOf(texts)
          let life = 0
          let since = 0
          const sink = createLedgerSink({
            refuses: isBad,
            faultAt(_, index) {
              const death = deaths[life]
              return death !== undefined && index - since === death[0] ? death[1] : undefined
            },
          })
          for (; life <= deaths.length; life++) {
            since = sink.calls.length
            try {
              await drainAll(root, sink, end, rowsMax)
            } catch (error) {
              assert.match(String(error), /the store is away/)
            }
          }
          assert.deepEqual(
            sink.rows,
            texts.filter((text) => !isBad(text)),
          )
          assert.deepEqual(sink.offeredAgain, [])
          const kept = listQuarantine(root).map(({ bytes }) => Buffer.from(bytes).toString())
          assert.deepEqual(kept.toSorted(), texts.filter(isBad).toSorted())
        },
      ),
      { numRuns: 25 },
    )
  })

  it('bytes that are no row are evidence before they are passed', async () => {
    const { root, end } = spoolOf(['one', 'two', 'three'])
    const file = segmentPath(spoolDirectory(root, id), 0)
    const bytes = readFileSync(file)
    const at = bytes.indexOf('two')
    bytes[at] = 0
    writeFileSync(file, bytes)
    const sink = createLedgerSink({ faultAt: (_, index) => (index === 1 ? 'before' : undefined) })
    await assert.rejects(drainAll(root, sink, end), { code: 'STORE_AWAY' })
    assert.equal(listQuarantine(root).length, 1)
    await drainAll(root, sink, end)
    const [entry, ...more] = listQuarantine(root)
    assert.deepEqual([entry?.kind, entry?.code, entry?.log, more], ['bytes', 'SPOOL_DAMAGED', null, []])
    assert.ok(Buffer.from(entry?.bytes ?? []).includes('\0wo'))
    assert.deepEqual(sink.rows, ['one', 'three'])
  })
})

describe('a quarantine folder', () => {
  it('shows whole files only, also while they are written again', async () => {
    const { root, end } = spoolOf(['bad'])
    const sink = createLedgerSink({ refuses: isBad })
    await drainAll(root, sink, end)
    const folder = quarantineDirectory(root)
    const [file = ''] = readdirSync(folder)
    assert.equal(file, `${id}-0.0.json`)
    // What a process leaves that dies while it writes.
    writeFileSync(join(folder, `${id}-0.1.json.new`), '{"kind":')
    assert.deepEqual(
      listQuarantine(root).map(({ name }) => name),
      [`${id}-0.0`],
    )
    mkdirSync(join(folder, 'not-ours'))
    assert.equal(listQuarantine(root).length, 1)
  })
})
