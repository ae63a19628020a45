// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReaderRow } from './reader.ts'
import { durationText, markOf, titleOf, toneOf } from './row-face.ts'

const row = (members: Readonly<Record<string, unknown>>): ReaderRow => members as unknown as ReaderRow
const audit = (severity: string, outcome: string): ReaderRow =>
  row({ stream: 'audit', code: 'ORDER_PAID', severity, outcome })
const sys = (level: string): ReaderRow => row({ stream: 'sys', event: 'card_read', level })
const api = (status: number, detail?: object): ReaderRow =>
  row({ stream: 'api', method: 'POST', path: '/orders/7', status, ...(detail && { detail }) })

test('every surface calls a row the same, and finds it as bad', () => {
  const faces = [
    audit('info', 'success'),
    audit('info', 'failure'),
    audit('critical', 'success'),
    audit('warn', 'success'),
    audit('info', 'denied'),
    audit('info', 'unknown'),
    audit('debug', 'success'),
    sys('info'),
    sys('debug'),
    sys('warn'),
    sys('fatal'),
    api(201),
    api(404),
    api(502),
    api(201, { runs: [] }),
  ].map((each) => [markOf(each), titleOf(each), toneOf(each)].join(' '))
  assert.deepEqual(faces, [
    'info ORDER_PAID plain',
    'failure ORDER_PAID bad',
    'critical ORDER_PAID bad',
    'warn ORDER_PAID warn',
    'denied ORDER_PAID warn',
    'unknown ORDER_PAID warn',
    'debug ORDER_PAID quiet',
    'info card_read plain',
    'debug card_read quiet',
    'warn card_read warn',
    'fatal card_read bad',
    '201 POST /orders/7 plain',
    '404 POST /orders/7 warn',
    '502 POST /orders/7 bad',
    '201 orders/7 plain',
  ])
})

test('durations have three digits', () => {
  assert.deepEqual(
    [0, 999.4, 1000, 18_243, 999_999, 1_500_000, 119_000_000, 7_260_000_000].map((each) =>
      durationText(each),
    ),
    ['0 µs', '999 µs', '1 ms', '18.2 ms', '1000 ms', '1.5 s', '119 s', '121 min'],
  )
  assert.equal(durationText(18_243, ''), '18.2ms')
})
