// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReaderRow } from 'fasten/reader/remote'
import { rowAt } from '../fixtures/rows.ts'
import { storyRows } from './story.ts'

const none = { followed: [], unfollowed: 0, truncated: { audit: false, sys: false, api: false } }

/** A row of this node at this place of time, because of another one or of none. */
const caused = (place: number, source_node_id: string, cause?: ReaderRow): ReaderRow => ({
  ...rowAt(place),
  request_id: 'one',
  source_node_id,
  ...(cause === undefined ? {} : { caused_by: cause.id }),
})

test('an effect that a slow clock wrote before its cause stands where the cause is, and the clock is named', () => {
  const cause = caused(5000, 'web-01')
  const story = storyRows({ ...none, rows: [cause, caused(2000, 'pay-02', cause), caused(5001, 'web-01')] })
  assert.deepEqual(
    story.entries.map(({ row, depth, startMicros }) => [row.source_node_id, depth, startMicros]),
    [
      ['web-01', 0, 0],
      ['pay-02', 1, 0],
      ['web-01', 0, 1000],
    ],
  )
  assert.deepEqual(
    story.moved.map(({ node, offset_us }) => [node, offset_us]),
    [['pay-02', 3_000_000]],
  )
  assert.deepEqual([story.nodes, story.isConsistent, story.lastedMicros], [2, true, 1000])
})

test('clocks that contradict each other are left alone', () => {
  const first = caused(5000, 'web-01')
  const second = caused(2000, 'pay-02', first)
  const third = caused(4000, 'web-01', second)
  const back = caused(9000, 'pay-02')
  const story = storyRows({ ...none, rows: [first, second, third, back, caused(5500, 'web-01', back)] })
  assert.deepEqual([story.isConsistent, story.moved], [false, []])
})
