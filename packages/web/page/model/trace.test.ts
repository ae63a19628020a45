// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { streams } from 'fasten/core'
import type { WaterfallEntry } from 'fasten/reader/remote'
import { firstError, labelPlace, shownEntries, ticksOf, traceFacts } from './trace.ts'

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

test('a trace says what it stands under, and where there are agents to look at', () => {
  const entry = (about: Partial<WaterfallEntry>): WaterfallEntry => about as WaterfallEntry
  const access = entry({ stream: 'api', depth: 0, service: 'web', title: 'POST /' })
  const called = entry({ stream: 'audit', depth: 1, service: 'desk', title: 'MODEL_CALLED' })
  const logged = entry({ stream: 'sys', depth: 1, service: 'desk', title: 'MODEL_CALLED' })
  assert.deepEqual(traceFacts([access, called, logged]), {
    root: access,
    counts: { audit: 1, sys: 1, api: 1 },
    services: 2,
    hasAgents: true,
  })
  assert.equal(traceFacts([access, logged]).hasAgents, false)
  assert.equal(traceFacts([]).root, undefined)
})

test('the length of a bar is written where there is room for it', () => {
  assert.deepEqual(
    [labelPlace(10, 20), labelPlace(60, 40), labelPlace(0, 100), labelPlace(-50, 400)],
    [
      { at: 'behind', percent: 30 },
      { at: 'before', percent: 40 },
      { at: 'on', percent: 0 },
      { at: 'on', percent: 0 },
    ],
  )
})
