// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { canonicalize, isCanonical } from './canonical.ts'
import { inOrder } from './fixtures/random-rows.ts'
import { createLeafScanner } from './leaf-scan.ts'
import type { JsonObject, JsonValue } from './row.ts'
import { codePoint } from './fixtures/code-point.ts'

const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
const names = ['a', 'bb', 'c']
const scanner = createLeafScanner(names)
const scan = (bytes: Uint8Array): boolean => scanner.scan(bytes, []) !== 'not_canonical'

const member = fc.constantFrom(
  'a',
  'aa',
  'ca',
  '\n',
  'aé',
  'a"',
  'bb',
  'c',
  'd',
  'é',
  '😀',
  '～',
  '"',
  '',
  '9',
  '10',
  '__proto__',
)
const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.string({ unit: codePoint }),
)
const object = fc
  .dictionary(member, value, { maxKeys: 6 })
  .map((members) => inOrder(members as JsonObject) as JsonObject)

describe('leaf scan', () => {
  it('agrees with parsing and printing on canonical text and on text damaged in one place', () => {
    fc.assert(
      fc.property(
        object,
        fc.nat(),
        fc.constantFrom(...' "\\/0019aeE.+-,:{}[]é\u0000\u001f', ''),
        fc.nat(2),
        (members, at, put, cut) => {
          const text = canonicalize(members)
          assert.equal(scan(encode(text)), true, text)
          const place = at % (text.length + 1)
          const damaged = (text.slice(0, place) + put + text.slice(place + cut)).toWellFormed()
          assert.equal(scan(encode(damaged)), isCanonical(damaged) && damaged.startsWith('{'), damaged)
        },
      ),
      { numRuns: 4_000 },
    )
  })

  it('compares each watched member as a column holds it', () => {
    fc.assert(
      fc.property(object, fc.constantFrom<string | number | null>('', 'x', 0, 1, null), (members, other) => {
        const leaf = encode(canonicalize(members))
        const columns = names.map((name) => {
          const found: JsonValue | undefined = Object.hasOwn(members, name) ? members[name] : undefined
          return typeof found === 'string' || typeof found === 'number'
            ? found
            : typeof found === 'boolean'
              ? Number(found)
              : null
        })
        assert.equal(scanner.scan(leaf, columns), 'as_expected')
        columns.forEach((column, index) => {
          assert.equal(
            scanner.scan(leaf, columns.with(index, other)),
            other === column ? 'as_expected' : 'differs',
          )
        })
      }),
      { numRuns: 1_000 },
    )
  })

  for (const [name, text] of [
    ['whitespace', '{"a": 1}'],
    ['names out of order', '{"b":1,"a":1}'],
    ['a name twice', '{"a":1,"a":1}'],
    ['a name twice, once escaped', '{"a":1,"\\u0061":1}'],
    ['an unneeded escape', '{"a":"\\/"}'],
    ['a long escape', '{"a":"\\u000a"}'],
    ['an upper-case escape', '{"a":"\\u001F"}'],
    ['an escaped letter', '{"a":"\\u0041"}'],
    ['a lone surrogate', '{"a":"\\ud800"}'],
    ['a raw control character', '{"a":"\u0001"}'],
    ['minus zero', '{"a":-0}'],
    ['a float that is whole', '{"a":75.0}'],
    ['a leading zero', '{"a":01}'],
    ['a lone minus', '{"a":-}'],
    ['an exponent written out', '{"a":1e2}'],
    ['a number too large', '{"a":1e999}'],
    ['an integer beyond doubles', '{"a":9007199254740993}'],
    ['text after the object', '{"a":1} '],
    ['two objects', '{}{}'],
    ['a cut end', '{"a":1'],
    ['an array', '[1]'],
    ['nothing', ''],
    ['a byte order mark', '\ufeff{}'],
    ['order by code point', '{"\uff5e":2,"\u{1f600}":1}'],
    ['deep nesting', `{"a":${'['.repeat(600)}${']'.repeat(600)}}`],
    ['nesting beyond any stack', `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`],
  ] as const) {
    it(`refuses ${name}`, () => assert.equal(scan(encode(text)), false))
  }

  it('refuses bytes that are not UTF-8', () => {
    assert.equal(scan(Uint8Array.of(0x7b, 0x22, 0x61, 0x22, 0x3a, 0x22, 0xff, 0x22, 0x7d)), false)
  })
})
