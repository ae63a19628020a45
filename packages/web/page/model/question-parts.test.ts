// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { queryParts, translate } from 'fasten/reader/remote'
import { meaningOf, turned, withExclusion, withFilter, withoutPart } from './question-parts.ts'

const anyText = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 6 }),
      fc.constantFrom(
        'code:A_*',
        'actor:"u 42"',
        'refund',
        '"',
        'a1b2c3d4e5',
        'has:reason',
        '-has:reason',
        'actor:ada',
        '-actor:ada',
        '-target:"a b"',
        '""',
        'x:"y',
      ),
    ),
    { maxLength: 8 },
  )
  .map((words) => words.join(' '))

const meant = (text: string) => queryParts(text).map(({ name, value }) => `${name}:${value}`)

test('a part that is taken away leaves all others as they are', () => {
  fc.assert(
    fc.property(anyText, fc.nat(9), (text, which) => {
      const parts = queryParts(text)
      const part = parts[which % Math.max(1, parts.length)]
      if (part === undefined) return
      const expected = meant(text).toSpliced(which % parts.length, 1)
      assert.deepEqual(meant(withoutPart(text, part)), expected)
    }),
  )
})

test('a value that is added is asked for, whatever was asked before', () => {
  fc.assert(
    fc.property(anyText, fc.string({ minLength: 1, maxLength: 8 }), (text, value) => {
      const whole = withFilter(text, 'target', value)
      if (whole === undefined) return
      assert.equal(translate(whole).filters['target'], value)
    }),
  )
  assert.equal(withFilter('code:A refund', 'code', 'B'), 'refund code:B')
  assert.equal(withFilter('', 'actor', 'a b'), 'actor:"a b"')
  assert.equal(withFilter('', 'actor', 'a"b'), undefined, 'no text can ask for a quote')
})

test('a value that is left out is left out, whatever was asked before, and all that was left out stays so', () => {
  fc.assert(
    fc.property(anyText, fc.string({ minLength: 1, maxLength: 8 }), (text, value) => {
      const whole = withExclusion(text, 'target', value)
      if (whole === undefined) return
      const expected = [...new Set([...(translate(text).not ?? []), `target:${value}`])]
      assert.deepEqual([...(translate(whole).not ?? [])].toSorted(), expected.toSorted())
      assert.notEqual(translate(whole).filters['target'], value)
    }),
  )
  assert.equal(withExclusion('code:A refund', 'code', 'B'), 'code:A refund -code:B')
  assert.equal(withExclusion('code:A refund', 'code', 'A'), 'refund -code:A')
  assert.equal(withFilter('-code:A -code:B lamp', 'code', 'A'), '-code:B lamp code:A')
})

test('a part can be turned into its opposite, and back', () => {
  const turn = (text: string): string | undefined => {
    const part = queryParts(text).at(-1)
    return part && turned(text, part)
  }
  assert.equal(turn('lamp target:"a b"'), 'lamp -target:"a b"')
  assert.equal(turn('lamp -target:"a b"'), 'lamp target:"a b"')
  assert.equal(turn('-has:reason'), 'has:reason')
  assert.deepEqual([turn('lamp'), turn('since:-2h')], [undefined, undefined])
})

test('a question is said in words', () => {
  assert.equal(
    meaningOf({ text: 'outcome:denied -actor:probe -code:ORDER_*', since: '-1h', until: null }, 'newest'),
    'Rows that were denied, but none done by probe or whose code begins with ORDER_, of the last hour, the newest first.',
  )
  assert.equal(
    meaningOf({ text: 'code:REFUND_* actor:u-42 outcome:failure lamp', since: '-6h', until: null }, 'newest'),
    'Rows whose code begins with REFUND_, done by u-42, that failed and that contain “lamp”, of the last 6 hours, the newest first.',
  )
  assert.equal(
    meaningOf({ text: '', since: '2026-11-26', until: '2026-11-27' }, 'oldest'),
    'Rows of every kind, from 2026-11-26 to 2026-11-27, the oldest first.',
  )
})
