// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ReaderRow } from 'fasten/reader/remote'
import { changesBetween, changesIn, pathText, type Change } from './changes.ts'

/** The value after the changes, put together from the one before and nothing else. */
function applied(before: unknown, changes: readonly Change[]): unknown {
  const whole = { value: structuredClone(before) } as Record<string, unknown>
  // A list gets shorter from its end.
  for (const { path, kind, after } of changes
    .toReversed()
    .toSorted((a, b) => Number(a.kind === 'added') - Number(b.kind === 'added'))) {
    const places = ['value', ...path]
    const holder = places
      .slice(0, -1)
      .reduce<unknown>((at, name) => (at as Record<string | number, unknown>)[name], whole) as Record<
      string | number,
      unknown
    >
    const name = places.at(-1) ?? ''
    if (kind === 'removed' && Array.isArray(holder)) holder.splice(Number(name), 1)
    else if (kind === 'removed') delete holder[name]
    else holder[name] = after
  }
  return whole['value']
}

test('the changes are all that it takes to come from one value to the other, and none where they are equal', () => {
  const value = fc.jsonValue({ maxDepth: 3 }).map((each) => JSON.parse(JSON.stringify(each)) as unknown)
  fc.assert(
    fc.property(value, value, (before, after) => {
      const sorted = applied(before, changesBetween(before, after))
      assert.deepEqual(sorted, after)
      assert.deepEqual(changesBetween(after, structuredClone(after)), [])
    }),
  )
})

test('a row tells of a change by what was before and after', () => {
  const detail = { before: { limit: 1, tags: ['a'] }, after: { limit: 2, tags: ['a', 'b'], team: 'x' } }
  const changes = changesIn({ stream: 'audit', detail } as unknown as ReaderRow) ?? []
  assert.deepEqual(
    changes.map(({ path, kind }) => `${pathText(path)} ${kind}`),
    ['limit changed', 'tags[1] added', 'team added'],
  )
  assert.equal(changesIn({ stream: 'audit', detail: { before: 1 } } as unknown as ReaderRow), undefined)
})
