// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { CallParams, CallResult } from './cases/call.ts'
import { alternate } from './measure/alternate.ts'
import { runCase } from './measure/child.ts'
import { judgeGoal, type Goal } from './measure/goals.ts'
import { percentilesOf } from './measure/percentiles.ts'
import { pairedRatio } from './measure/ratio.ts'
import { figure } from './measure/table.ts'
import { checkLines } from './subjects/lines.ts'
import { amountOf, orderNumber } from './subjects/order.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-bench-test-'))
after(() => rmSync(folder, { recursive: true }))

test('ratios are paired round by round, so a slow spell on both sides changes nothing', () => {
  assert.deepEqual(pairedRatio([1, 10, 3], [2, 20, 6]), { median: 0.5, min: 0.5, max: 0.5 })
  assert.deepEqual(pairedRatio([1, 2, 9], [1, 1, 3]), { median: 2, min: 1, max: 3 })
})

test('a goal is missed only when no round met it', () => {
  const goal = (median: number, min: number, max: number, sense: Goal['sense']): Goal => ({
    id: 'P0',
    text: 'a goal',
    sense,
    limit: 1,
    unit: '×',
    found: { median, min, max },
  })
  assert.equal(judgeGoal(goal(0.9, 0.5, 2, '≤')), 'met')
  assert.equal(judgeGoal(goal(1.1, 0.9, 2, '≤')), 'open')
  assert.equal(judgeGoal(goal(1.1, 1.05, 2, '≤')), 'missed')
  assert.equal(judgeGoal(goal(1.1, 0.5, 2, '≥')), 'met')
  assert.equal(judgeGoal(goal(0.9, 0.5, 1.2, '≥')), 'open')
  assert.equal(judgeGoal(goal(0.9, 0.5, 0.95, '≥')), 'missed')
})

test('each round begins with another one, and warm-up is thrown away', async () => {
  const order: string[] = []
  const results = await alternate(['a', 'b', 'c'], { rounds: 2, warmRounds: 1 }, async (name, round) => {
    order.push(name)
    return round
  })
  assert.deepEqual(order, ['a', 'b', 'c', 'b', 'c', 'a', 'c', 'a', 'b'])
  assert.deepEqual(results, { a: [0, 1], b: [0, 1], c: [0, 1] })
})

test('percentiles and figures', () => {
  const samples = Float64Array.from({ length: 1000 }, (_, i) => i + 1)
  assert.deepEqual(percentilesOf(samples), { p50: 501, p99: 991, p999: 1000 })
  assert.deepEqual([0, 0.12345, 45.67, 1234, 1_234_567].map(figure), [
    '0',
    '0.123',
    '45.7',
    '1 230',
    '1.23 M',
  ])
})

test('a lost, repeated or swapped event is noticed', async () => {
  const write = (name: string, numbers: readonly number[]): string => {
    const path = join(folder, name)
    appendFileSync(path, numbers.map((i) => `${JSON.stringify(orderNumber(i))}\n`).join(''))
    return path
  }
  assert.equal(
    amountOf(2500),
    Array.from({ length: 2500 }, (_, i) => orderNumber(i).amount).reduce((a, b) => a + b),
  )
  const amount = (line: { [member: string]: unknown }): unknown => line['amount']
  await checkLines(write('whole', [0, 1, 2]), 3, amount)
  await assert.rejects(checkLines(write('lost', [0, 1]), 3, amount), /2 of 3/)
  await assert.rejects(checkLines(write('repeated', [0, 1, 1]), 3, amount), /amounts 2 instead of 3/)
})

test('a peer and we are measured by the same case, rows read back', async () => {
  for (const subject of ['pinoSync', 'fastenEmit'] as const) {
    const dir = join(folder, subject)
    mkdirSync(dir)
    const params = { subject, dir, calls: 200, warmCalls: 100, pacedMs: 20 }
    const result = await runCase<CallParams, CallResult>('call', params)
    assert.ok(result.p50 > 0 && result.p50 <= result.p99 && result.p99 <= result.p999, JSON.stringify(result))
    assert.ok(result.drainedPerSecond > 0 && result.cpuMicros > 0, JSON.stringify(result))
  }
})

test('a case that fails has no figure', async () => {
  const params = {
    subject: 'pinoSync',
    dir: join(folder, 'no', 'such', '\0'),
    calls: 1,
    warmCalls: 1,
    pacedMs: 1,
  } as const
  await assert.rejects(runCase<CallParams, CallResult>('call', params), /no result/)
})
