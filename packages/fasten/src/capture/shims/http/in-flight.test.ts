// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { join, leave, oldestInFlight, type InFlight } from './in-flight.ts'

test('in whatever order members join and leave, once or twice, the oldest one left is told', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(5)), { maxLength: 40 }), (steps) => {
      const members: InFlight[] = Array.from({ length: 6 }, () => ({ earlier: undefined, later: undefined }))
      const model = new Set<InFlight>()
      for (const [isJoining, place] of steps) {
        const member = members[place] as InFlight
        if (isJoining && !model.has(member)) {
          join(member)
          model.add(member)
        } else if (!isJoining) {
          leave(member)
          model.delete(member)
        }
        assert.equal(oldestInFlight(), [...model][0])
      }
      for (const member of Array.from(model)) {
        assert.equal(oldestInFlight(), member)
        leave(member)
      }
      assert.equal(oldestInFlight(), undefined)
    }),
    { numRuns: 300 },
  )
})
