// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createOffsetMemory } from './offset-memory.ts'

test('it says of any sequence what a set of places would say', () => {
  const place = fc.record({
    topic: fc.constantFrom('a', 'b'),
    partition: fc.nat(1),
    offset: fc.nat(30).map((offset) => (offset % 2 === 0 ? BigInt(offset) : String(offset))),
  })
  fc.assert(
    fc.property(fc.array(place, { maxLength: 200 }), (places) => {
      const [hadBefore, all] = [createOffsetMemory(), new Set<string>()]
      for (const each of places) {
        const key = Object.values(each).join('/')
        assert.equal(hadBefore(each), all.has(key), `seen ${key}`)
        all.add(key)
      }
    }),
    { numRuns: 300 },
  )
})

test('holes without end cost a bounded number of ranges; the newest stay exact', () => {
  const hadBefore = createOffsetMemory(3)
  const at = (offset: number): boolean => hadBefore({ topic: 't', partition: 0, offset: BigInt(offset) })
  assert.deepEqual([0, 10, 20, 30, 40].map(at), [false, false, false, false, false])
  assert.deepEqual([40, 15, 35].map(at), [true, true, false])
})

test('what is no offset is never known', () => {
  const hadBefore = createOffsetMemory()
  for (const offset of [undefined, '', 'x', '-1', '1.5'])
    assert.deepEqual(
      [hadBefore({ topic: 't', partition: 0, offset }), hadBefore({ topic: 't', partition: 0, offset })],
      [false, false],
    )
})
