// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createBudget } from './budget.ts'

const options = { bytesPerSecond: 10_000, keyBytesAhead: 30_000, rowsFrameMs: 250, keyFrameMs: 33 }

/** Draws frames of these sizes one after the other, each as soon as it may be, on a clock that only the budget moves. */
function drawn(
  frames: readonly number[],
  urgency: 'rows' | 'key',
): { readonly bytes: number; readonly seconds: number } {
  const budget = createBudget(options)
  let nanos = 0n
  for (const bytes of frames) {
    nanos += BigInt(budget.waitMs(urgency, nanos)) * 1_000_000n
    budget.spend(bytes, nanos)
  }
  return { bytes: frames.reduce((sum, each) => sum + each, 0), seconds: Number(nanos) / 1e9 }
}

const frames = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 200 })

test('rows cost no more than ten kilobytes a second, but for the frame that was drawn last', () => {
  fc.assert(
    fc.property(frames, (sizes) => {
      const { bytes, seconds } = drawn(sizes, 'rows')
      assert.ok(bytes <= seconds * options.bytesPerSecond + (sizes.at(-1) ?? 0) + 1)
    }),
  )
})

test('keys run ahead so far and no farther', () => {
  fc.assert(
    fc.property(frames, (sizes) => {
      const { bytes, seconds } = drawn(sizes, 'key')
      assert.ok(bytes <= seconds * options.bytesPerSecond + options.keyBytesAhead + (sizes.at(-1) ?? 0) + 1)
    }),
  )
  assert.equal(drawn([2000, 2000], 'key').seconds, 0.033)
})
