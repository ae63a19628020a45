// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseTokens, type TokenValue } from './json-tokens.ts'
import { readJson } from './read-json.ts'

/** What a reader of JSON makes of it that does not care how a number was written. */
function plain(value: TokenValue): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([name, member]) => [name, plain(member)]))
  if (Array.isArray(value)) return (value as readonly TokenValue[]).map(plain)
  return typeof value === 'object' && value !== null && 'token' in value ? Number(value.token) : value
}

describe('parseTokens', () => {
  it('reads whatever readJson reads, and refuses what it refuses, but for names that occur twice', () => {
    fc.assert(
      fc.property(
        fc.json(),
        fc.nat(),
        fc.constantFrom(...' \n"\\/0123456789aeE.+-,:{}[]tfnuv', ''),
        fc.nat(2),
        (text, place, put, cut) => {
          const at = place % (text.length + 1)
          for (const candidate of [text, text.slice(0, at) + put + text.slice(at + cut)]) {
            let expected: unknown
            try {
              expected = readJson(candidate)
            } catch {
              assert.throws(() => parseTokens(candidate), SyntaxError, candidate)
              continue
            }
            try {
              assert.deepEqual(plain(parseTokens(candidate)), expected)
            } catch (error) {
              if (!(error instanceof SyntaxError && error.message.includes('twice'))) throw error
            }
          }
        },
      ),
      { numRuns: 1_500 },
    )
  })

  it('keeps numbers as they were written', () => {
    assert.deepEqual(parseTokens('[75.0, 1E+05, -0, 12345678901234567890]'), [
      { token: '75.0' },
      { token: '1E+05' },
      { token: '-0' },
      { token: '12345678901234567890' },
    ])
  })

  for (const [name, text, message] of [
    ['a name twice', '{"a":1,"\\u0061":2}', /name "\\u0061" occurs twice at position 7/],
    ['a comma too many', '[1,]', /unexpected "]" at position 3/],
    ['a string without end', '"abc\\"', /ends too early/],
    ['a cut end', '{"a":', /ends too early/],
    ['nesting without end', '['.repeat(100_000), /nesting is deeper than 512/],
  ] as const) {
    it(`refuses ${name}`, () =>
      assert.throws(
        () => parseTokens(text),
        (error) => error instanceof SyntaxError && message.test(error.message),
      ))
  }

  it('takes time in proportion to the text', () => {
    // Long strings full of escapes are where careless readers turn quadratic; this would then take minutes.
    const text = JSON.stringify(Array.from({ length: 2_000 }, () => '\\"\u0001'.repeat(100)))
    assert.equal((parseTokens(text) as readonly string[]).length, 2_000)
    assert.equal((parseTokens(JSON.stringify('x'.repeat(20_000_000))) as string).length, 20_000_000)
  })
})
