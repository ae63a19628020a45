// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseTokens, type TokenValue } from './json-tokens.ts'
import { hasEscapedName, readJson } from './read-json.ts'

/** Makes the engine expect the names of `text`, in each place, from whatever it reads next. */
const poison = (text: string): void => {
  for (let times = 0; times < 3; times++) JSON.parse(text)
}

/** A value with everything that can be told of it: names in their order, -0, what is an object's own. */
function told(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(told)
  if (typeof value === 'object' && value !== null) {
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
    const members = Object.getOwnPropertyDescriptors(value)
    return Object.keys(value).map((name) => [name, { ...members[name], value: told(members[name]?.value) }])
  }
  return value
}

/** The same of what the reader of tokens read, which asks the engine for single strings only. */
function expected(value: TokenValue): unknown {
  if (value instanceof Map) {
    const plain = { enumerable: true, configurable: true, writable: true }
    const entries = [...value].map(([name, member]) => [name, { ...plain, value: expected(member) }] as const)
    const isIndex = (name: string): boolean => String(Number(name) >>> 0) === name && name !== '4294967295'
    const indices = entries.filter(([name]) => isIndex(name)).sort(([a], [b]) => Number(a) - Number(b))
    return [...indices, ...entries.filter(([name]) => !isIndex(name))].map((entry) => [...entry])
  }
  if (Array.isArray(value)) return (value as readonly TokenValue[]).map(expected)
  return typeof value === 'object' && value !== null && 'token' in value ? Number(value.token) : value
}

/** With an escape wherever a coin says so. */
const printString = (text: string, coins: Iterator<boolean>): string =>
  `"${Array.from(text.split(''), (unit) =>
    coins.next().value
      ? `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`
      : JSON.stringify(unit).slice(1, -1),
  ).join('')}"`

describe('readJson', () => {
  for (const [before, text, names] of [
    ['{"q":1,"\\\\":2}', '{"q":1,"\\n":2}', ['q', '\n']],
    ['{"q":1,"\\\\":2}', '{"q":1,"\\"":2}', ['q', '"']],
    ['{"q2":1,"\\\\n":2}', '{"q2":1,"\\n\\n":2}', ['q2', '\n\n']],
    ['{"q3":1,"\\\\u0":2}', '{"q3":1,"\\u0001\\u0001\\u0001":2}', ['q3', '\u0001\u0001\u0001']],
    ['{"q5":1,"\\\\u":2}', '{"q5":1,"\\u0041b":2}', ['q5', 'Ab']],
    ['{"q6":1,"\\\\":2}', '{"q6":"é山","\\n" \t\r\n:2}', ['q6', '\n']],
    ['{"q7":1,"b\\\\":2}', '{"q7":1,"b\\n":2}', ['q7', 'b\n']],
  ] as const) {
    it(`reads ${text} behind ${before}`, () => {
      poison(before)
      assert.deepEqual(Object.keys(readJson(text) as object), names)
    })
  }

  it('reads whatever was read before, as a reader does that asks the engine for single strings only', () => {
    const piece = fc.constantFrom('\\', '\n', '"', 'n', 'u', '0', 'u0', '\u0001', 'é', '\ud800', ':', '')
    const key = fc.oneof(
      { weight: 6, arbitrary: fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')) },
      fc.constantFrom('__proto__', 'toString', '7', '0', '4294967295', '01', '-1'),
    )
    const { value } = fc.letrec<{ value: unknown; entries: readonly (readonly [string, unknown])[] }>(
      (tie) => ({
        value: fc.oneof(
          { depthSize: 'small', withCrossShrink: true },
          fc.oneof(key, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(true, null, -0)),
          fc.array(tie('value'), { maxLength: 3 }),
          tie('entries').map((entries) => new Map(entries)),
        ),
        entries: fc.array(fc.tuple(key, tie('value')), { maxLength: 4 }),
      }),
    )
    const space = fc.constantFrom('', ' ', '\n', '\t\r ')
    const coins = fc.infiniteStream(fc.boolean())
    const print = (given: unknown, gap: string, tosses: Iterator<boolean>): string => {
      const inner = (each: unknown): string => print(each, gap, tosses)
      if (typeof given === 'string') return printString(given, tosses)
      if (Array.isArray(given)) return `[${gap}${given.map(inner).join(`${gap},`)}${gap}]`
      if (given instanceof Map)
        return `{${gap}${[...given].map(([name, member]) => `${inner(name)}${gap}:${gap}${inner(member)}`).join(`,${gap}`)}}`
      return Object.is(given, -0) ? '-0' : JSON.stringify(given)
    }
    fc.assert(
      fc.property(fc.array(fc.tuple(value, space, coins), { minLength: 2, maxLength: 5 }), (values) => {
        for (const [given, gap, tosses] of values) {
          const text = print(given, gap, tosses)
          poison(text)
          assert.deepEqual(told(readJson(text)), expected(parseTokens(text)), text)
        }
      }),
      { numRuns: 400 },
    )
  })

  it('takes the last of several members of one name, in the place of the first', () => {
    assert.deepEqual(told(readJson('{"\\n":1,"b":2,"\\u000a":3}')), told({ '\n': 3, b: 2 }))
  })

  it('keeps __proto__ as a name, and gives nothing another prototype', () => {
    const value = readJson('{"\\u005f_proto__":{"a":1}}') as object
    assert.deepEqual(Object.keys(value), ['__proto__'])
    assert.equal(Object.getPrototypeOf(value), Object.prototype)
  })

  it('reads 30,000 levels', () => {
    const depth = 30_000
    let value = readJson(`${'[{"\\n":'.repeat(depth)}1${'}]'.repeat(depth)}`)
    for (let level = 0; level < depth; level++) value = (value as { '\n': unknown }[])[0]?.['\n']
    assert.equal(value, 1)
  })

  for (const text of ['', '{"\\n":1', '{"\\n":1,}', '{"\\x":1}', '[1,2', '"\\', '{"a\\n" 1}', '\u00a0{}'])
    it(`refuses ${JSON.stringify(text)} in the words of JSON.parse`, () => {
      let said = ''
      try {
        JSON.parse(text)
      } catch (error) {
        said = String(error)
      }
      assert.match(said, /^SyntaxError/)
      assert.throws(
        () => readJson(text),
        (error) => String(error) === said,
      )
    })
})

describe('hasEscapedName', () => {
  for (const [text, answer] of [
    ['{"a":"b\\n"}', false],
    ['{"a":"b\\\\","c":"\\""}', false],
    ['["\\n","a"]', false],
    ['{"\\n":1}', true],
    ['{"a\\"":1}', true],
    ['{"a\\\\":1}', true],
    ['{"a\\u0041bc"\n\t\r :1}', true],
  ] as const)
    it(`says ${answer} of ${text}`, () => assert.equal(hasEscapedName(text), answer))

  it('takes time in proportion to the text', () => {
    // Each of these would take hours if anything of it were looked at again for each character.
    for (const text of [
      '\\'.repeat(4e6),
      `"\\n"${' '.repeat(4e6)}`,
      '\\"'.repeat(2e6),
      `\\n${'a'.repeat(4e6)}`,
    ])
      assert.equal(hasEscapedName(text), false)
  })
})
