// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  addSketchBytes,
  countUpTo,
  emptySketch,
  quantile,
  relativeAccuracy,
  sketchBytes,
} from './duration-sketch.ts'
import {
  addMeasure,
  addRequest,
  addStored,
  emptyMeasure,
  type Measure,
  type MeasuredRequest,
} from './measure.ts'

const duration = fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 10_000_000 }), fc.maxSafeNat())
const request = fc
  .record({
    durationUs: duration,
    isFailed: fc.boolean(),
    second: fc.nat({ max: 59 }),
    id: fc.nat({ max: 3 }),
  })
  .map(({ durationUs, isFailed, second, id }): MeasuredRequest => {
    const at = `2031-03-01T00:00:${String(second).padStart(2, '0')}.000000Z`
    return {
      durationUs,
      isFailed,
      exemplar: { request_id: `r-${id}`, trace_id: null, duration_us: durationUs, at },
    }
  })

const seen = ({ sketch, ...measure }: Measure) => ({
  ...measure,
  sketch: sketchBytes(sketch).toString('hex'),
})
const measured = (requests: readonly MeasuredRequest[]): Measure => {
  const measure = emptyMeasure()
  for (const each of requests) addRequest(measure, each)
  return measure
}

test('any split of requests into batches, merged in any order and over the database, is the same measure', () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(request, fc.nat({ max: 4 })), { maxLength: 60 }),
      fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5 }),
      fc.boolean(),
      (parts, order, isStored) => {
        const all = measured(parts.map(([each]) => each))
        const batches = order.map((batch) =>
          measured(parts.filter(([, own]) => own === batch).map(([each]) => each)),
        )
        const merged = emptyMeasure()
        for (const batch of batches)
          if (isStored)
            addStored(merged, {
              requests: String(batch.requests),
              sum_us: String(batch.sumUs),
              max_us: String(batch.maxUs),
              sketch: sketchBytes(batch.sketch),
              slowest: batch.slowest ?? null,
              latest: batch.latest ?? null,
            })
          else addMeasure(merged, batch)
        assert.deepEqual(seen(merged), seen(all))
      },
    ),
  )
})

test('a quantile is within 1 % of the value at its rank, and zeros are zeros', () => {
  fc.assert(
    fc.property(
      fc.array(duration, { minLength: 1, maxLength: 200 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, share) => {
        const sketch = emptySketch()
        for (const value of values) sketch.accept(value)
        const copy = emptySketch()
        addSketchBytes(copy, sketchBytes(sketch))
        const exact = values.toSorted((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? NaN
        const found = quantile(copy, share) ?? NaN
        assert.ok(
          Math.abs(found - exact) <= exact * relativeAccuracy * 1.000001 + 0.5,
          `${found} of ${exact}`,
        )
      },
    ),
  )
})

test('counts up to a bound are those of the values, but for what lies within 1 % of it', () => {
  fc.assert(
    fc.property(
      fc.array(duration, { maxLength: 100 }),
      fc.integer({ min: 1, max: 10_000_000 }),
      (values, bound) => {
        const sketch = emptySketch()
        for (const value of values) sketch.accept(value)
        const count = (limit: number): number => values.filter((value) => value <= limit).length
        const found = countUpTo(sketch, bound)
        assert.ok(found >= count(bound) && found <= count(bound * (1 + 2.03 * relativeAccuracy)), `${found}`)
      },
    ),
  )
})

test('bytes that are no sketch are refused', () => {
  for (const bytes of [Buffer.of(), Buffer.of(2, 0), Buffer.of(1, 0, 200), Buffer.of(1, 0, 5)])
    assert.throws(() => addSketchBytes(emptySketch(), bytes), TypeError)
  assert.equal(sketchBytes(emptySketch()).length, 2)
})
