// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { canonicalize, isCanonical, isOrdered } from './canonical.ts'
import { readJson } from './read-json.ts'
import type { JsonObject, JsonValue } from './row.ts'

const number = (ieee754: string): number => Buffer.from(ieee754, 'hex').readDoubleBE()

describe('canonicalize', () => {
  it('orders names by UTF-16 code units, as section 3.2.3 of RFC 8785 shows', () => {
    const names = ['\u20ac', '\r', '\ufb33', '1', '\u{1f600}', '\u0080', '\u00f6']
    const text = canonicalize(Object.fromEntries(names.map((name) => [name, null])))
    assert.deepEqual(Object.keys(JSON.parse(text.replaceAll('"1"', '"x1"')) as object), [
      '\r',
      'x1',
      '\u0080',
      '\u00f6',
      '\u20ac',
      '\u{1f600}',
      '\ufb33',
    ])
  })

  it('prints strings and numbers as section 3.2.2 of RFC 8785 shows', () => {
    const value = JSON.parse(
      String.raw`{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/","literals":[null,true,false]}`,
    ) as JsonValue
    assert.equal(
      canonicalize(value),
      String.raw`{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}`,
    )
  })

  for (const [ieee754, text] of [
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ] as const) {
    it(`prints the double ${ieee754} as ${text}`, () => assert.equal(canonicalize(number(ieee754)), text))
  }

  it('says the same of the same value, however its members were put in, and reads back as that value', () => {
    const shuffled = (value: JsonValue): JsonValue => {
      if (typeof value !== 'object' || value === null) return value
      if (Array.isArray(value)) return value.map(shuffled)
      return Object.fromEntries(
        Object.entries(value as JsonObject)
          .reverse()
          .map(([name, member]) => [name, shuffled(member)]),
      )
    }
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: 'binary' }), (value) => {
        const text = canonicalize(value as JsonValue)
        assert.equal(canonicalize(shuffled(value as JsonValue)), text)
        assert.equal(isCanonical(text), true)
        assert.deepEqual(readJson(text), readJson(JSON.stringify(value)))
      }),
      { numRuns: 500 },
    )
  })

  for (const [name, value, message] of [
    ['a lone surrogate', { a: ['\ud800'] }, /lone surrogate at \/a\/0/],
    ['a lone surrogate in a name', { '\udc00': 1 }, /lone surrogate at the root/],
    ['NaN', { a: Number.NaN }, /number at \/a/],
    ['infinity', [Number.POSITIVE_INFINITY], /number at \/0/],
    ['undefined', { a: undefined }, /undefined at \/a/],
    ['a hole in an array', [1, , 2], /undefined at \/1/], // oxlint-disable-line no-sparse-arrays -- the hole is the case
    ['a BigInt', 1n, /bigint at the root/],
    ['a function', { a: () => 1 }, /function at \/a/],
    ['a date', { a: new Date(0) }, /toJSON at \/a/],
    ['nesting without end', circular(), /deeper than 512/],
  ] as const) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => canonicalize(value as unknown as JsonValue),
        (error) => error instanceof TypeError && message.test(error.message),
      )
    })
  }
})

function circular(): object {
  const value: { again?: object } = {}
  value.again = value
  return value
}

describe('isOrdered', () => {
  it('is true exactly where JSON.stringify prints canonical text', () => {
    const name = fc.constantFrom('a', 'b', 'é', '1', '10', '2', '')
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue()), (value) => {
        if (isOrdered(value)) assert.equal(canonicalize(value as JsonValue), JSON.stringify(value))
      }),
    )
    assert.equal(isOrdered({ b: 1, a: 1 }), false)
    assert.equal(isOrdered({ a: 1, b: [{ c: 'x' }] }), true)
  })
})

describe('isCanonical', () => {
  for (const text of [
    '',
    ' {}',
    '{"a":1,"a":1}',
    '{"b":1,"a":1}',
    '{"a":1.0}',
    '"\\u0041"',
    '"\\ud800"',
    '[1,]',
    `${'['.repeat(600)}${']'.repeat(600)}`,
    '['.repeat(100_000),
  ]) {
    it(`is false for ${text.slice(0, 20)}`, () => assert.equal(isCanonical(text), false))
  }
})
