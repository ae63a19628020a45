// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatMicros, parseTime } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { facetsOf } from './facets.ts'
import { countQuestionOf, countsIn, histogramOfRows, windowOfBars } from './histogram.ts'

const begin = parseTime('2026-11-26T10:00:00Z', 0) ?? 0
const rowAt = (micros: number, outcome: string, actor: unknown = 'ada'): ReaderRow =>
  ({
    stream: 'audit',
    id: 'evt-1',
    timestamp: formatMicros(micros),
    severity: 'info',
    outcome,
    code: 'A',
    actor,
  }) as unknown as ReaderRow

test('every row of the window is in one bar, as it ended, and the bars lie beside one another', () => {
  const outcome = fc.constantFrom('success', 'failure', 'denied')
  fc.assert(
    fc.property(
      fc.integer({ min: 2, max: 40 * 86_400_000_000 }),
      fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), outcome), { maxLength: 50 }),
      (width, places) => {
        const range = { from: begin, to: begin + width }
        const rows = places.map(([share, how]) => rowAt(begin + Math.floor(share * width), how))
        const { bars, step } = histogramOfRows(rows, range, true)
        const sum = (tone: 'plain' | 'warn' | 'bad') => bars.reduce((all, bar) => all + bar[tone], 0)
        const of = (how: string) => rows.filter((row) => row.stream === 'audit' && row.outcome === how).length
        assert.deepEqual(
          [sum('plain'), sum('warn'), sum('bad')],
          [of('success'), of('denied'), of('failure')],
        )
        assert.ok(bars.length >= 1 && bars.length <= 97)
        assert.ok(bars.every((bar, index) => index === 0 || bar.at === (bars[index - 1]?.at ?? 0) + step))
      },
    ),
  )
})

test('a part of the rows says from when on it counts', () => {
  const range = { from: begin, to: begin + 3600_000_000 }
  const rows = [rowAt(begin + 1800_000_000, 'success')]
  assert.equal(histogramOfRows(rows, range, false).countedFrom, begin + 1800_000_000)
  assert.equal(histogramOfRows(rows, range, true).countedFrom, begin)
})

test('bars that are brushed, in either direction, are a window that ends before the next bar', () => {
  const histogram = histogramOfRows([], { from: begin, to: begin + 3600_000_000 }, true)
  assert.equal(histogram.step, 60_000_000)
  const window = { since: '2026-11-26T10:02:00.000000Z', until: '2026-11-26T10:04:59.999999Z' }
  assert.deepEqual([windowOfBars(histogram, 2, 4), windowOfBars(histogram, 4, 2)], [window, window])
})

test('numbers that were counted are asked for only where they tell all of the question apart', () => {
  const range = { from: begin, to: begin + 6 * 3600_000_000 }
  const asked = (stream: 'audit' | 'sys' | 'api', filter: object) =>
    countQuestionOf({ stream, filter, limit: 1 }, range)?.search
  assert.deepEqual(asked('audit', { code: 'A', since: 'x' }), {
    code: 'A',
    since: '2026-11-26T10:00:00.000000Z',
    until: '2026-11-26T16:00:00.000000Z',
    step: '300',
    group_by: 'outcome',
  })
  assert.deepEqual(
    [
      asked('audit', { code: 'A_*' }),
      asked('audit', { actor: 'ada' }),
      asked('sys', {}),
      asked('api', { route: '/' }),
    ],
    [undefined, undefined, undefined, undefined],
  )
  assert.deepEqual(
    countsIn({
      groups: [{ group: { outcome: 'denied' }, steps: [{ at: '2026-11-26T10:00:00Z', rows: 3 }] }],
    }),
    [{ at: begin, plain: 0, warn: 3, bad: 0 }],
  )
})

test('values are counted, the most frequent first, and a sealed one is none', () => {
  const rows = [
    rowAt(begin, 'success', 'bob'),
    rowAt(begin, 'failure', 'ada'),
    rowAt(begin, 'success', 'ada'),
    rowAt(begin, 'success', { sd: 'x' }),
  ]
  assert.deepEqual(
    facetsOf('audit', rows, 1).filter(({ name }) => name === 'actor' || name === 'outcome'),
    [
      { name: 'outcome', values: [{ value: 'success', rows: 3 }], valuesLeft: 1 },
      { name: 'actor', values: [{ value: 'ada', rows: 2 }], valuesLeft: 1 },
    ],
  )
})
