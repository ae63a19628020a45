// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Verdict } from 'fasten/core'
import type { VerifyView } from './state.ts'
import { verifyLines } from './verify-lines.ts'

const begun: VerifyView = {
  kind: 'verify',
  state: 'asking',
  problem: '',
  expected: { rows: 100_000, logs: 3 },
  read: 25_000,
  startedMicros: 0,
  nowMicros: 5_000_000,
  verdict: null,
  top: 0,
}

const textOf = (view: VerifyView): string =>
  verifyLines(view, 80)
    .map(({ spans }) => spans.map(({ text }) => text).join(''))
    .join('\n')

test('it is told how far verifying is and how long it will take, and where nobody says so, that', () => {
  assert.match(textOf(begun), /5 s so far.*█░.* 25%\n25,000 of 100,000 rows in 3 logs, some 15 s left/s)
  assert.match(textOf({ ...begun, read: 100_500 }), /█ 100%\n100,000 of 100,000 rows/)
  assert.match(textOf({ ...begun, read: null }), /100,000 rows in 3 logs are read .* does not say how far/s)
})

test('breaks that a verdict does not list are counted', () => {
  const log = {
    verdict: 'FAIL',
    log: '_/shop/edge-07/audit',
    rows_expected: 5000,
    rows_checked: 5000,
    rows_expired: 0,
    rows_erased: 0,
    rows_missing: 0,
    rows_bad: 4000,
    breaks: [{ kind: 'hash_mismatch', from_index: 7, to_index: 7, message: 'the leaf has another hash' }],
    breaks_total: 4000,
    notes: [],
  }
  const verdict = {
    verdict: 'FAIL',
    logs: [log],
    rows_checked: 5000,
    rows_bad: 4000,
    rows_missing: 0,
    notes: [],
  }
  const text = textOf({ ...begun, state: 'here', verdict: verdict as unknown as Verdict })
  assert.match(text, /#7 hash_mismatch: the leaf has another hash\n {4}and 3,999 further breaks, not listed/)
})
