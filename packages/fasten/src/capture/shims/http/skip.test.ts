// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { compileSkip, type SkipRule } from './skip.ts'

const skips = (rules: readonly SkipRule[] | SkipRule, path: string, method = 'GET'): boolean | undefined =>
  compileSkip(rules)?.({ method, path })

describe('skip', () => {
  test('an exact path is that path only', () => {
    assert.equal(skips('/health', '/health'), true)
    for (const path of ['/health/', '/healthz', '/Health', '/a/health'])
      assert.equal(skips('/health', path), false, path)
  })

  test('a star stands for any run of characters', () => {
    const cases: readonly (readonly [rule: string, path: string, isSkipped: boolean])[] = [
      ['/assets/*', '/assets/', true],
      ['/assets/*', '/assets/a/b.js', true],
      ['/assets/*', '/assets', false],
      ['*.js', '/deep/app.js', true],
      ['*.js', '/app.js/x', false],
      ['/a*b*c', '/a-b-b-c', true],
      ['/a*b*c', '/a-c-b', false],
      ['/ab*ba', '/aba', false],
      ['/ab*ba', '/abba', true],
      ['*', '/', true],
      ['/x.y*', '/xzy', false],
      ['/a**b', '/ab', true],
    ]
    for (const [rule, path, isSkipped] of cases) assert.equal(skips(rule, path), isSkipped, `${rule} ${path}`)
  })

  test('a pattern answers alike however often it is asked, whatever its flags', () => {
    const rule = compileSkip(/^\/ping/gy)
    assert.deepEqual(
      [1, 2, 3].map(() => rule?.({ method: 'GET', path: '/ping' })),
      [true, true, true],
    )
  })

  test('a function is told method and path', () => {
    assert.equal(
      skips(({ method, path }) => method === 'OPTIONS' && path === '/x', '/x', 'OPTIONS'),
      true,
    )
    assert.equal(skips(['/y', ({ method }) => method === 'OPTIONS'], '/x', 'GET'), false)
  })

  test('stars against a long hostile path take no longer than the path is', () => {
    assert.equal(skips('/a*a*a*a*a*a*b', `/${'a'.repeat(100_000)}`), false)
  })

  test('no rule is no function, and a wrong one is refused by name', () => {
    assert.deepEqual([compileSkip(undefined), compileSkip([])], [undefined, undefined])
    for (const rule of ['health', '', 5, null])
      assert.throws(() => compileSkip([rule as never]), { name: 'TypeError', message: /^skip: / })
  })
})
