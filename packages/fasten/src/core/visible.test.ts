// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { readJson } from './read-json.ts'
import { jsonLine, visible, visibleLines } from './visible.ts'
import { codePoint } from './fixtures/code-point.ts'

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\u001b[2J',
      '\u001b]0;title\u0007',
      '\u009b31m',
      '\r',
      '\n',
      '\t',
      '\0',
      '\u007f',
      '\u202e',
      '\u2066',
      '\u2069',
      '\u200b',
      '\ufeff',
      '\u{e0041}',
      '\ud800',
      '\u2028',
      '\u061c',
      'ab',
      '\u4e2d',
      'e\u0301',
      '\u{1f468}\u200d\u{1f469}',
      '\u200d',
      '\\',
    ),
    fc.string({ unit: codePoint, maxLength: 4 }),
  ),
})
const acted =
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e0fff}]|\p{Cs}/u

test('no text has a character left that a terminal would act on or hide', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      assert.doesNotMatch(visible(text), acted)
      assert.doesNotMatch(visibleLines(text).replace(/[\r\n\t]/g, ''), acted)
    }),
    { numRuns: 500 },
  )
})

test('text without such characters is printed as it is', () => {
  for (const text of [
    '',
    'order/42',
    'C:\\temp\\x',
    'Grüße',
    '\u5c71\u7530',
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}',
    '\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645',
    'e\u0301',
  ]) {
    assert.equal(visible(text), text)
  }
})

test('what is made visible says which character it was', () => {
  assert.equal(visible('a\u001b[31mb\u202ec\r\n\u{e0041}'), 'a\\x1b[31mb\\u{202e}c\\r\\n\\u{e0041}')
  assert.equal(visible('ad\u200dmin'), 'ad\\u{200d}min')
})

test('a JSON line is one line, safe to look at, and parses to the same value', () => {
  fc.assert(
    fc.property(fc.dictionary(hostile, fc.oneof(hostile, fc.integer(), fc.constant(null))), (value) => {
      const line = jsonLine(value)
      assert.doesNotMatch(line, acted)
      assert.deepEqual(Object.entries(readJson(line) as object), Object.entries(value))
    }),
    { numRuns: 300 },
  )
})
