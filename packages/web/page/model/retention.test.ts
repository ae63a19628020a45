// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { daysWords, holdOf, keepingsOf, questionOf } from './retention.ts'

test('what has a period is listed, the rules that win first', () => {
  const classes = { short: 30, long: null, permanent: null }
  const rules = [
    { of: 'long', days: 3650, tenant_id: 'acme' },
    { of: 'PROBE_*', days: 7 },
  ]
  assert.deepEqual(
    keepingsOf({ classes, rules, sys: 14, api: null }).map(({ what, where, days }) => [
      what,
      where,
      daysWords(days),
    ]),
    [
      ['class long', 'acme', '10 years'],
      ['PROBE_*', 'all tenants', '7 days'],
      ['class short', 'all tenants', '30 days'],
      ['sys rows', 'all tenants', '14 days'],
    ],
  )
  assert.deepEqual([1, 400, null].map(daysWords), ['1 day', '400 days', 'for ever'])
})

test('a hold is a question, with words that have spaces in quotes', () => {
  assert.deepEqual(
    questionOf({ actor: 'user:ada b', code: 'REFUND_*', since: '2026-01-01T00:00:00.000000Z' }),
    {
      text: 'code:REFUND_* actor:"user:ada b"',
      since: '2026-01-01T00:00:00.000000Z',
      until: undefined,
    },
  )
})

test('a hold is what was typed, with times as instants, and one that names nothing is none', () => {
  const now = Date.UTC(2026, 10, 27, 8) * 1000
  assert.deepEqual(holdOf({ code: ' REFUND_* ', actor: '', since: '-7d' }, now), {
    ok: true,
    rows: { code: 'REFUND_*', since: '2026-11-20T08:00:00.000000Z' },
  })
  assert.equal(holdOf({ since: 'last week' }, now).ok, false)
  assert.equal(holdOf({ target: '  ' }, now).ok, false)
})
