// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { widerThan } from './windows.ts'

test('where there is nothing, longer windows are offered, and the window without the question', () => {
  const names = (text: string, since: string, until: string | null): readonly string[] =>
    widerThan({ text, since, until }).map(({ name }) => name)
  assert.deepEqual(names('', '-1h', null), ['Last 6 hours', 'Last day'])
  assert.deepEqual(names('code:X', '-7d', null), ['Last 30 days', 'Everything in this window'])
  assert.deepEqual(names('', '-30d', null), [])
  assert.deepEqual(names('', '2026-11-01', '2026-11-02'), ['Last 7 days', 'Last 30 days'])
})
