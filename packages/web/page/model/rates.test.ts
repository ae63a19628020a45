// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  linesOf,
  rangeOf,
  shareTop,
  readRateView,
  sorted,
  stepOf,
  writeRateView,
  type RateGroup,
  type RateNumbers,
} from './rates.ts'

const numbers = (requests: number, p95_us: number | null = null): RateNumbers => ({
  requests,
  errors: 0,
  client_errors: 0,
  requests_per_s: requests / 60,
  error_share: null,
  p50_us: null,
  p95_us,
  p99_us: null,
})

test('an address says the whole view', () => {
  const view = {
    since: '2026-11-25T10:00:00Z',
    until: '2026-11-25T11:00:00Z',
    only: { service: 'shop', route: '/orders/:id' },
    isCompared: true,
  }
  assert.deepEqual(readRateView(writeRateView(view)), view)
  assert.equal(writeRateView(readRateView('')), '')
})

test('a range is two instants in order, or none', () => {
  const now = Date.parse('2026-11-26T12:00:00Z') * 1000
  assert.deepEqual(rangeOf({ since: '-1h', until: null }, now), { from: now / 1e6 - 3600, to: now / 1e6 })
  assert.equal(rangeOf({ since: 'yesterday-ish', until: null }, now), undefined)
  assert.equal(rangeOf({ since: '2026-11-27', until: '2026-11-26' }, now), undefined)
})

test('a step makes no more points than there is room for', () => {
  assert.equal(stepOf({ from: 0, to: 3600 }, 120), 60)
  assert.equal(stepOf({ from: 0, to: 86_400 }, 120), 900)
  assert.equal(stepOf({ from: 0, to: 400 * 86_400 }, 120), 86_400)
})

test('the day before lies upon this one, and what was not counted is a gap', () => {
  const now = [
    { at: '2026-11-26T12:00:00.000Z', ...numbers(60) },
    { at: '2026-11-26T12:01:00.000Z', ...numbers(120) },
  ]
  const then = [{ at: '2026-11-25T12:01:00.000Z', ...numbers(30) }]
  const { values } = linesOf(now, then, ({ requests_per_s }) => [requests_per_s])
  assert.deepEqual(values, [
    [1, 2],
    [null, 0.5],
  ])
})

test('a line begins where something was asked for the first time', () => {
  const step = (minute: number, requests: number) => ({
    at: `2026-11-26T12:0${minute}:00.000Z`,
    ...numbers(requests),
  })
  const { seconds, values } = linesOf([step(0, 0), step(1, 60), step(2, 0)], undefined, (each) => [
    each.requests_per_s,
  ])
  assert.equal(seconds.length, 3)
  assert.deepEqual(values, [[null, 1, 0]])
})

test('an axis of shares is as high as its data, and never so low that a thousandth looks like all', () => {
  assert.deepEqual([shareTop(0), shareTop(0.01), shareTop(0.5), shareTop(1)], [0.05, 0.05, 0.55, 1])
})

test('groups are sorted by what matters, those without it last', () => {
  const group = (route: string, p95_us: number | null): RateGroup => ({
    ...numbers(1, p95_us),
    group: { route },
    exemplars: { slowest: null, latest_error: null },
  })
  const order = sorted([group('a', 5), group('b', null), group('c', 9)], 'p95_us')
  assert.deepEqual(
    order.map((each) => each.group.route),
    ['c', 'a', 'b'],
  )
  const own = { ...group('d', 99), group: { route: 'd', service: 'fleet' } }
  assert.equal(sorted([own, group('a', 5)], 'p95_us').at(-1)?.group.route, 'd', 'the fleet itself comes last')
})
