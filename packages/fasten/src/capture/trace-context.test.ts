// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import {
  acceptBaggage,
  acceptTracestate,
  createHexSource,
  formatTraceparent,
  parseTraceparent,
} from './trace-context.ts'
import { codePoint } from '../core/fixtures/code-point.ts'

const trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'
const parent_id = '00f067aa0ba902b7'

describe('traceparent', () => {
  test('version 00 is read, with the two flags that are defined', () => {
    assert.deepEqual(parseTraceparent(`00-${trace_id}-${parent_id}-01`), { trace_id, parent_id, flags: 1 })
    assert.deepEqual(parseTraceparent(`00-${trace_id}-${parent_id}-ff`), { trace_id, parent_id, flags: 3 })
    assert.deepEqual(parseTraceparent(`00-${trace_id}-${parent_id}-00`), { trace_id, parent_id, flags: 0 })
  })

  test('what is written is read back', () => {
    const hex = (length: number): fc.Arbitrary<string> =>
      fc
        .string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: length, maxLength: length })
        .filter((text) => !/^0+$/.test(text))
    fc.assert(
      fc.property(hex(32), hex(16), fc.integer({ min: 0, max: 3 }), (trace, span, flags) => {
        assert.deepEqual(parseTraceparent(formatTraceparent(trace, span, flags)), {
          trace_id: trace,
          parent_id: span,
          flags,
        })
      }),
      { numRuns: 200 },
    )
  })

  test('one changed character makes it broken, or another valid one, never an exception', () => {
    const good = `00-${trace_id}-${parent_id}-01`
    fc.assert(
      fc.property(fc.nat(good.length - 1), codePoint, (at, character) => {
        const read = parseTraceparent(good.slice(0, at) + character + good.slice(at + 1))
        assert.ok(read === undefined || /^[0-9a-f]{32}$/.test(read.trace_id))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('tracestate', () => {
  test('valid lists pass unchanged', () => {
    for (const text of [
      'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE',
      'a=1, b=2 ,c=3',
      'fw529a3039@dt=x',
      'a=1,,b=2',
      'key_-*/=with space inside',
    ])
      assert.equal(acceptTracestate(text), text, text)
  })

  test('a broken list is dropped whole', () => {
    const many = Array.from({ length: 33 }, (_, place) => `k${place}=v`).join(',')
    for (const text of [
      'a',
      '=1',
      'a=',
      'A=1',
      'a=1,a=2',
      'a=caf\u00e9',
      'a=x=y',
      '1a=1',
      'a@=1',
      many,
      '',
      ' , ',
      'a=x\u0000',
      `a=${'x'.repeat(257)}`,
    ])
      assert.equal(acceptTracestate(text), undefined, text)
    assert.equal(acceptTracestate(undefined), undefined)
  })
})

test('random hex has the length asked for and does not repeat', () => {
  const randomHex = createHexSource()
  const drawn = Array.from({ length: 2000 }, (_, place) => randomHex(place % 2 === 0 ? 8 : 16))
  assert.equal(new Set(drawn).size, drawn.length)
  for (const [place, text] of drawn.entries())
    assert.match(text, place % 2 === 0 ? /^[0-9a-f]{16}$/ : /^[0-9a-f]{32}$/)
})

describe('baggage', () => {
  for (const text of ['a=1', 'a=1,b=2', 'userId=Am%C3%A9lie;secret;p=1 , server = DF%2028', 'a='])
    test(`${JSON.stringify(text)} is passed on as it is`, () => assert.equal(acceptBaggage(text), text))
  for (const text of [
    '',
    'a',
    '=1',
    'a=1,,b=2',
    'a b=1',
    'a="1"',
    'a=1\r\nx: y',
    `a=${'x'.repeat(8192)}`,
    Array.from({ length: 65 }, (_, index) => `k${index}=1`).join(),
  ])
    test(`${JSON.stringify(text.slice(0, 40))} is dropped`, () =>
      assert.equal(acceptBaggage(text), undefined))
})
