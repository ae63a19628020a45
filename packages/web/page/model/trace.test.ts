// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { streams } from 'fasten/core'
import type { WaterfallEntry } from 'fasten/reader/remote'
import { firstError, shownEntries, ticksOf } from './trace.ts'

const all = new Set(streams)

/** Depths of a tree, depth first. */
const depths = fc.array(fc.nat(3), { maxLength: 60 }).map((steps) => {
  let depth = -1
  return steps.map((step) => {
    depth = Math.min(depth + 1, step)
    return depth
  })
})

const entriesOf = (tree: readonly number[]): readonly WaterfallEntry[] =>
  tree.map(
    (depth, index) =>
      ({
        id: `e${index}`,
        depth,
        stream: streams[index % 3],
        start_us: index,
        state: 'ok',
      }) as unknown as WaterfallEntry,
  )

test('an entry tells how many stand below it, and folding hides exactly these', () => {
  fc.assert(
    fc.property(depths, fc.nat(), (tree, chosen) => {
      const entries = entriesOf(tree)
      const open = shownEntries(entries, new Set(), all)
      assert.equal(open.length, entries.length)
      if (entries.length === 0) return
      const { entry, below } = open[chosen % open.length] ?? assert.fail()
      const folded = shownEntries(entries, new Set([entry.id]), all)
      assert.equal(folded.length, entries.length - below)
      assert.ok(folded.some((each) => each.entry.id === entry.id && each.isFolded))
    }),
  )
})

test('a stream that is not chosen is left out, and what stands below stays', () => {
  const entries = entriesOf([0, 1, 2])
  const shown = shownEntries(entries, new Set(), new Set(['audit', 'api']))
  assert.deepEqual(
    shown.map(({ entry }) => entry.id),
    ['e0', 'e2'],
  )
})

test('ticks lie within what is looked at, evenly, and are never more than wanted', () => {
  fc.assert(
    fc.property(
      fc.nat(1e9),
      fc.integer({ min: 1, max: 1e9 }),
      fc.integer({ min: 1, max: 12 }),
      (from, width, most) => {
        const ticks = ticksOf({ from, to: from + width }, most)
        assert.ok(ticks.length <= most + 1)
        assert.ok(ticks.every((tick) => tick >= from && tick <= from + width))
      },
    ),
  )
  assert.deepEqual(ticksOf({ from: 0, to: 1000 }, 5), [0, 200, 400, 600, 800, 1000])
  assert.deepEqual(ticksOf({ from: 5, to: 5 }, 5), [])
})

test('what failed first is found by time, whatever the order of the tree', () => {
  const entry = (id: string, start_us: number, state: WaterfallEntry['state']): WaterfallEntry =>
    ({ id, start_us, state }) as unknown as WaterfallEntry
  assert.equal(firstError([entry('a', 5, 'error'), entry('b', 2, 'error'), entry('c', 1, 'ok')])?.id, 'b')
  assert.equal(firstError([entry('c', 1, 'ok')]), undefined)
})
