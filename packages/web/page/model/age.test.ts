// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ageText, secondsSince } from './age.ts'

const now = Date.parse('2026-11-27T08:00:00Z') * 1000

test('an age is one number in the unit that people would use, past or to come', () => {
  for (const [at, text] of [
    ['2026-11-27T07:59:59.500Z', 'now'],
    ['2026-11-27T08:00:00.900Z', 'now'],
    ['2026-11-27T07:59:56.100Z', '3 s ago'],
    ['2026-11-27T07:58:59Z', '1 min ago'],
    ['2026-11-27T06:00:01Z', '1 h ago'],
    ['2026-11-26T08:00:00Z', '1 day ago'],
    ['2026-10-28T08:00:00Z', '30 days ago'],
    ['2026-12-27T08:00:00Z', 'in 30 days'],
    ['2026-11-27T08:00:07Z', 'in 7 s'],
  ] as const)
    assert.equal(ageText(at, now), text)
})

test('seconds since a time are whole, and none before it', () => {
  assert.equal(secondsSince('2026-11-27T07:58:29.1Z', now), 90)
  assert.equal(secondsSince('2026-11-27T08:01:00Z', now), 0)
})
