// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { visible } from '../../core/visible.ts'
import { cut, fold, foldHard, width } from './width.ts'
import { codePoint } from '../../core/fixtures/code-point.ts'

const shown = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom(
        '\u001b[2J',
        '\n',
        '\u202e',
        'ab',
        '\u4e2d',
        'e\u0301',
        '\u{1f468}\u200d\u{1f469}',
        '\u200d',
        '\\',
        ' ',
      ),
      fc.string({ unit: codePoint, maxLength: 4 }),
    ),
  })
  .map(visible)

test('a cut text fits, says that something is missing, and splits no character', () => {
  fc.assert(
    fc.property(
      shown,
      fc.integer({ min: 0, max: 40 }),
      fc.constantFrom('end', 'middle'),
      (text, columns, where) => {
        const short = cut(text, columns, where)
        assert.ok(width(short) <= Math.max(columns, 0), `${JSON.stringify(short)} is wider than ${columns}`)
        if (width(text) <= columns) assert.equal(short, text)
        else if (columns > 0) assert.match(short, /…/)
        assert.ok(short.isWellFormed())
      },
    ),
    { numRuns: 500 },
  )
})

test('wide characters, emoji and marks take the columns they take', () => {
  assert.equal(width('abc'), 3)
  assert.equal(width('\u6771\u4eac'), 4)
  assert.equal(width('e\u0301'), 1)
  assert.equal(width('\u{1f680}'), 2)
  assert.equal(width('\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'), 2)
})

test('folding keeps every word in order', () => {
  assert.deepEqual(fold('aa bb cc', 5), ['aa bb', 'cc'])
  assert.deepEqual(fold('a verylongword b', 4), ['a', 'verylongword', 'b'])
  assert.deepEqual(fold('', 4), [''])
})

test('hard folding bursts no line and loses nothing but the spaces it breaks at', () => {
  assert.deepEqual(foldHard('a verylongword b', 6), ['a very', 'longwo', 'rd b'])
  fc.assert(
    fc.property(shown, fc.integer({ min: 2, max: 30 }), (text, columns) => {
      const lines = foldHard(text, columns)
      for (const line of lines)
        assert.ok(width(line) <= columns, `${JSON.stringify(line)} is wider than ${columns}`)
      assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''))
    }),
    { numRuns: 500 },
  )
})
