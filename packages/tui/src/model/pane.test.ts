// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rowAt, rowsAt } from '../fixtures/rows.ts'
import {
  emptyPane,
  follow,
  placeOfTime,
  release,
  rowsMax,
  wait,
  withNewer,
  withOlder,
  withPiece,
} from './pane.ts'

const ids = (rows: readonly { readonly id: string }[]): readonly string[] => rows.map(({ id }) => id)

test('whatever comes in whatever order, a pane holds each row once, in order of time, and never too many', () => {
  fc.assert(
    fc.property(fc.array(fc.array(fc.nat(9000), { maxLength: 900 }), { maxLength: 6 }), (batches) => {
      const pane = batches.reduce(
        (before, places) =>
          follow(
            before,
            places.map((place) => rowAt(place)),
          ),
        emptyPane,
      )
      assert.ok(pane.rows.length <= rowsMax)
      assert.equal(new Set(ids(pane.rows)).size, pane.rows.length)
      assert.deepEqual(
        pane.rows,
        pane.rows.toSorted((a, b) => (a.timestamp < b.timestamp ? -1 : a.timestamp > b.timestamp ? 1 : 0)),
      )
    }),
    { numRuns: 40 },
  )
})

test('rows that wait move nothing, are counted all, and come when they are released', () => {
  const pane = follow(emptyPane, rowsAt(0, 50))
  const waiting = wait(wait(pane, rowsAt(45, 60)), rowsAt(55, 70))
  assert.equal(waiting.rows, pane.rows)
  assert.equal(waiting.news, 20)
  assert.deepEqual(ids(release(waiting).rows), ids(rowsAt(0, 70)))
  const flooded = wait(pane, rowsAt(100, 100 + rowsMax + 30))
  assert.deepEqual([flooded.waiting.length, flooded.news, flooded.hasNewer], [rowsMax, rowsMax + 30, true])
})

test('older rows push out the newest and newer ones the oldest, and both are said', () => {
  const piece = { hasOlder: true, hasNewer: false }
  const full = withPiece({ rows: rowsAt(5000, 5000 + rowsMax), ...piece })
  const older = withOlder(full, { rows: rowsAt(4900, 5000), hasOlder: false, hasNewer: false })
  assert.deepEqual(
    [older.rows.length, older.rows[0]?.id, older.hasOlder, older.hasNewer],
    [rowsMax, rowAt(4900).id, false, true],
  )
  const newer = withNewer(older, { rows: rowsAt(6900, 7000), hasOlder: false, hasNewer: false })
  assert.deepEqual(
    [newer.rows.length, newer.rows.at(-1)?.id, newer.hasOlder, newer.hasNewer],
    [rowsMax, rowAt(6999).id, true, false],
  )
})

test('newer rows that were waiting are counted no longer', () => {
  const pane = wait(follow(emptyPane, rowsAt(0, 10)), rowsAt(20, 30))
  const newer = withNewer(pane, { rows: rowsAt(10, 25), hasOlder: false, hasNewer: false })
  assert.deepEqual([newer.rows.length, newer.waiting.length, newer.news], [25, 5, 5])
})

test('the place of a time is the last row that is not after it', () => {
  const rows = rowsAt(10, 20)
  assert.deepEqual(
    [rowAt(5), rowAt(10), rowAt(14), rowAt(99)].map(({ timestamp }) => placeOfTime(rows, timestamp)),
    [0, 0, 4, 9],
  )
  assert.equal(placeOfTime([], rowAt(1).timestamp), -1)
})
