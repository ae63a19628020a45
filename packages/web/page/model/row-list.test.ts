// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatMicros } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { addNewer, addOlder, newestFirst, noRows, placeOfRow, placeOfTime } from './row-list.ts'

const rowAt = (second: number, id: number): ReaderRow =>
  ({
    id: `evt-${String(id).padStart(6, '0')}`,
    timestamp: formatMicros(Date.UTC(2026, 10, 26, 10) * 1000 + second * 1_000_000),
  }) as ReaderRow

const someRows = fc.array(fc.tuple(fc.nat(59), fc.nat(400)), { maxLength: 40 }).map((pairs) => {
  const byId = new Map(pairs.map(([second, id]) => [id, rowAt(second, id)]))
  return [...byId.values()]
})

test('whatever arrives in whatever order, rows stand newest first, each once', () => {
  fc.assert(
    fc.property(fc.array(someRows, { maxLength: 8 }), (batches) => {
      // An id is given once: later rows with it are the same row.
      const known = new Map<string, ReaderRow>()
      const told = batches.map((batch) =>
        batch.map((row) => {
          const first = known.get(row.id) ?? row
          known.set(row.id, first)
          return first
        }),
      )
      const list = told.reduce((before, batch) => addNewer(before, batch, 10_000), noRows)
      assert.deepEqual(list.rows, [...known.values()].toSorted(newestFirst))
    }),
  )
})

test('a full list lets go of what is farthest from where rows are added', () => {
  const first = addOlder(noRows, [rowAt(3, 3), rowAt(2, 2)], 3)
  assert.deepEqual(addOlder(first, [rowAt(1, 1), rowAt(0, 0)], 3).rows, [
    rowAt(2, 2),
    rowAt(1, 1),
    rowAt(0, 0),
  ])
  assert.deepEqual(addNewer(first, [rowAt(5, 5), rowAt(4, 4)], 3).rows, [
    rowAt(5, 5),
    rowAt(4, 4),
    rowAt(3, 3),
  ])
})

test('however one scrolls while rows come, a full list is a part of the stream without a hole, and what was let go is found again', () => {
  const rowsMax = 30
  const steps = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('older' as const), rows: fc.integer({ min: 1, max: 20 }) }),
      fc.record({ kind: fc.constant('newer' as const), rows: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('restart' as const), rows: fc.integer({ min: 1, max: 20 }) }),
    ),
    { maxLength: 60 },
  )
  fc.assert(
    fc.property(steps, (walk) => {
      // Two rows a second, so that lists are cut between rows of the same time, too.
      let next = 40
      let stored = Array.from({ length: next }, (_, id) => rowAt(id >> 1, id)).toSorted(newestFirst)
      const pageOf = (rows: number, after: ReaderRow | undefined): readonly ReaderRow[] => {
        const from =
          after === undefined ? 0 : stored.findIndex(({ timestamp }) => timestamp <= after.timestamp)
        return from < 0 ? [] : stored.slice(from, from + rows + 2)
      }
      let list = addOlder(noRows, pageOf(10, undefined), rowsMax)
      for (const { kind, rows } of walk) {
        if (kind === 'older') list = addOlder(list, pageOf(rows, list.rows.at(-1)), rowsMax)
        else if (kind === 'restart') list = addOlder(noRows, pageOf(rows, undefined), rowsMax)
        else {
          const fresh = Array.from({ length: rows }, (_, index) => rowAt((next + index) >> 1, next + index))
          next += rows
          stored = [...fresh.toReversed(), ...stored]
          // A list whose front was let go is not what a tail adds to.
          if (list.rows[0] === stored[rows]) list = addNewer(list, fresh, rowsMax)
        }
        const from = stored.indexOf(list.rows[0] as ReaderRow)
        assert.ok(list.rows.length > 0 && list.rows.length <= rowsMax)
        assert.deepEqual(list.rows, stored.slice(from, from + list.rows.length))
        assert.deepEqual(list.ids, new Set(list.rows.map(({ id }) => id)))
      }
      while (list.rows.at(-1) !== stored.at(-1)) {
        const before = list
        list = addOlder(list, pageOf(20, list.rows.at(-1)), rowsMax)
        assert.notEqual(list.rows.at(-1), before.rows.at(-1))
      }
    }),
  )
})

test('a time has a place among the rows, and the nearest one where it is beside them', () => {
  const list = addOlder(noRows, [rowAt(30, 3), rowAt(20, 2), rowAt(10, 1)], 10)
  assert.equal(placeOfTime(list, rowAt(20, 0).timestamp), 1)
  assert.equal(placeOfTime(list, rowAt(29, 0).timestamp), 0, 'the one after it is nearer')
  assert.equal(placeOfTime(list, rowAt(21, 0).timestamp), 1)
  assert.equal(placeOfTime(list, rowAt(59, 0).timestamp), 0)
  assert.equal(placeOfTime(list, rowAt(0, 0).timestamp), 2)
  assert.equal(placeOfTime(noRows, rowAt(0, 0).timestamp), -1)
  const reversed = { ...list, rows: list.rows.toReversed() }
  assert.equal(placeOfTime(reversed, rowAt(29, 0).timestamp, 'oldest'), 2)
})

test('a row has its own place, also among others of the same microsecond', () => {
  const list = addNewer(noRows, [rowAt(20, 1), rowAt(20, 2), rowAt(20, 3), rowAt(10, 4)], 10)
  assert.deepEqual(
    list.rows.map((row) => placeOfRow(list, row)),
    [0, 1, 2, 3],
  )
  assert.equal(placeOfRow(list, rowAt(20, 9)), -1)
})
