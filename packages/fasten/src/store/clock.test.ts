// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createSystemClock } from './platform.ts'

/** A wall clock and a monotonic one that a test moves; `read` takes one row's reading every so many milliseconds. */
function clocks() {
  const steps: number[] = []
  let wall = 1_800_000_000_000
  let uptime = 1_000
  const clock = createSystemClock({
    onStep: (seconds) => steps.push(Math.round(seconds)),
    wallMs: () => wall,
    uptimeMs: () => uptime,
  })
  return {
    steps,
    read(times: number, about: { readonly everyMs?: number; readonly wallEveryMs?: number } = {}): number[] {
      const { everyMs = 100, wallEveryMs = everyMs } = about
      return Array.from({ length: times }, () => {
        uptime += everyMs
        wall += wallEveryMs
        return clock.nowMicros()
      })
    },
    jump: (ms: number) => void (wall += ms),
  }
}

describe('a wall clock', () => {
  test('that goes as it should is never told of, for hours', () => {
    const { steps, read } = clocks()
    read(100_000)
    assert.deepEqual(steps, [])
  })

  test('that is a little fast or slow, as all are, is not told of either', () => {
    for (const wallEveryMs of [999.5, 1000.5]) {
      const { steps, read } = clocks()
      read(36_000, { everyMs: 1000, wallEveryMs })
      assert.deepEqual(steps, [])
    }
  })

  for (const [name, seconds] of [
    ['an hour back', -3600],
    ['ten years ahead', 315_360_000],
    ['three seconds ahead', 3],
  ] as const)
    test(`that jumps ${name} is told of once, by how far`, () => {
      const { steps, read, jump } = clocks()
      read(50)
      jump(seconds * 1000)
      read(1000)
      assert.deepEqual(steps, [seconds])
    })

  test('that stands still is told of when it is two seconds behind, and again', () => {
    const { steps, read } = clocks()
    read(50)
    read(50, { wallEveryMs: 0 })
    assert.deepEqual(steps, [-2, -2])
  })

  test('that jumps to and fro all the time is told of once a second at most', () => {
    const { steps, read, jump } = clocks()
    for (let index = 0; index < 100; index++) {
      jump(index % 2 === 0 ? -60_000 : 60_000)
      read(1, { everyMs: 10 })
    }
    assert.equal(steps.length, 1)
  })

  test('that repeats itself still gives readings that ascend within a millisecond', () => {
    const { read } = clocks()
    const readings = read(50, { everyMs: 0.01, wallEveryMs: 0 })
    assert.deepEqual(
      readings,
      readings.toSorted((one, other) => one - other),
    )
    assert.equal(new Set(readings).size, readings.length)
  })
})
