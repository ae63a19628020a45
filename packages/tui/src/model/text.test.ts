// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { rowAt } from '../fixtures/rows.ts'
import { histogramOf } from './histogram.ts'
import { cut, fit, plain, widthOf, wrap } from './text.ts'
import { understand, withFilter } from './question.ts'
import { codePoint } from '../../../fasten/src/core/fixtures/code-point.ts'

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '\u001b[2J',
      '\u009b',
      '\r',
      '\n',
      '\u202e',
      '\u200d',
      '\ufe0f',
      '\u{1f468}',
      '\u6771',
      'e\u0301',
      ' ',
      'word',
    ),
    fc.string({ unit: codePoint, maxLength: 3 }),
  ),
})

test('plain text has nothing that a terminal acts on, and none of the joiners it is unsure about', () => {
  fc.assert(
    fc.property(hostile, (text) => {
      assert.doesNotMatch(
        plain(text),
        /[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069\ufeff]|\ufe0f|\p{Cs}/u,
      )
    }),
    { numRuns: 200 },
  )
  assert.equal(plain('\u{1f468}\u200d\u{1f469}'), '\u{1f468}\u{1f469}')
})

test('text that is cut fits, text that is fitted fills, and wrapping loses nothing but blanks', () => {
  fc.assert(
    fc.property(hostile.map(plain), fc.integer({ min: 2, max: 40 }), (text, columns) => {
      assert.ok(widthOf(cut(text, columns)) <= columns)
      assert.equal(widthOf(fit(text, columns)), columns)
      const lines = wrap(text, columns)
      for (const each of lines) assert.ok(widthOf(each) <= columns, JSON.stringify(each))
      assert.equal(lines.join('').replaceAll(' ', ''), text.replaceAll(' ', ''))
    }),
    { numRuns: 200 },
  )
})

test('blanks for which a line has no room are gone, and what is wider than a line comes in its parts', () => {
  assert.deepEqual(wrap('four word', 4), ['four', 'word'])
  assert.deepEqual(wrap('a  four', 4), ['a  ', 'four'])
  assert.deepEqual(wrap('\u{1f468}\uaa33', 2), ['\u{1f468}', '\uaa33'])
})

test('a histogram counts every row once, in buckets that begin at whole multiples of their width', () => {
  fc.assert(
    fc.property(
      fc.array(fc.nat(1e8), { minLength: 1, maxLength: 60 }),
      fc.integer({ min: 1, max: 120 }),
      (places, most) => {
        const histogram =
          histogramOf(
            places.map((place) => rowAt(place)),
            most,
          ) ?? assert.fail()
        assert.ok(histogram.buckets.length <= most)
        assert.equal(
          histogram.buckets.reduce((sum, each) => sum + each.rows, 0),
          places.length,
        )
        assert.equal(histogram.startMicros % histogram.widthMicros, 0)
      },
    ),
  )
  assert.equal(histogramOf([], 10), null)
})

test('a question says which streams can answer, and a filter is set without touching the rest', () => {
  const of = (text: string): unknown => {
    const understood = understand(text, 1_795_000_000_000_000)
    return understood.ok ? understood.question.streams : understood.problem
  }
  assert.deepEqual(of('refund'), ['audit', 'sys', 'api'])
  assert.deepEqual(of('severity:error'), ['audit'])
  assert.match(String(of('severity:error level:error')), /no row has all of/)
  assert.match(String(of('since:yesterday')), /is not a time/)
  assert.equal(withFilter('actor:alice "two words"', 'since', '-1h'), 'actor:alice since:-1h two words')
  assert.equal(withFilter('actor:alice since:-1h', 'actor', ''), 'since:-1h')
  assert.equal(
    withFilter('-code:A -target:"a b" lamp', 'actor', 'bob'),
    'actor:bob -code:A -target:"a b" lamp',
  )
  assert.equal(withFilter('actor:bob -code:A', 'not', 'target:a b'), 'actor:bob -code:A -target:"a b"')
  assert.equal(withFilter('actor:bob -code:A', 'not', ''), 'actor:bob')
  assert.equal(withFilter('deadbeef12 x', 'request_id', 'cafe00000001'), 'request_id:cafe00000001 x')
})
