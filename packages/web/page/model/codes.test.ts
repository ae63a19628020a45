// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { catalogueOf, readCodeView, totalWords, writeCodeView, type KnownCode } from './codes.ts'

const known = (code: string, domain: string, description = ''): KnownCode => ({
  code,
  domain,
  category: domain,
  action: code.toLowerCase(),
  severity: 'info',
  retention_class: 'medium',
  description,
  emitter: '',
  high_volume: false,
  is_personal: false,
  from: 'catalogue',
})
const book = [
  known('TOOL_CALLED', 'agent', 'A model used a tool.'),
  known('LOGIN_FAILED', 'auth'),
  known('ODD', 'auth'),
]
const counts = {
  groups: [
    { group: { code: 'LOGIN_FAILED', outcome: 'denied' }, rows: 7 },
    { group: { code: 'LOGIN_FAILED', outcome: 'success' }, rows: 1 },
    { group: { code: 'TOOL_CALLED', outcome: 'success' }, rows: 3 },
    { group: { code: 'OUR_OWN', outcome: 'failure' }, rows: 2 },
  ],
}
const shape = (sections: ReturnType<typeof catalogueOf>): unknown =>
  sections.map(({ domain, lines }) => [
    domain,
    lines.map(({ code, rows, failures }) => [code, rows, failures]),
  ])

test('what nobody explained comes first, then what is seen most; each code once, with what went wrong', () => {
  assert.deepEqual(shape(catalogueOf(book, counts, { text: '', isOnlySeen: false })), [
    ['', [['OUR_OWN', 2, 2]]],
    [
      'auth',
      [
        ['LOGIN_FAILED', 8, 7],
        ['ODD', 0, 0],
      ],
    ],
    ['agent', [['TOOL_CALLED', 3, 0]]],
  ])
})

test('words look into the meaning, and what was not seen is left out when asked', () => {
  assert.deepEqual(shape(catalogueOf(book, counts, { text: 'used MODEL', isOnlySeen: true })), [
    ['agent', [['TOOL_CALLED', 3, 0]]],
  ])
  assert.deepEqual(shape(catalogueOf(book, undefined, { text: '', isOnlySeen: true })), [])
})

test('a view stands in the address as it was', () => {
  const view = { since: '-1d', until: null, text: 'login', isOnlySeen: true }
  assert.deepEqual(readCodeView(writeCodeView(view)), view)
  assert.equal(writeCodeView(readCodeView('')), '')
})

test('a total says how it is meant', () => {
  assert.deepEqual(
    [
      totalWords(1200, 'exact'),
      totalWords(1000, 'at_least'),
      totalWords(52_000, 'estimated'),
      totalWords(null, 'unknown'),
    ],
    ['1,200', 'at least 1,000', 'about 52,000 (estimated)', 'not counted'],
  )
})
