// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CallParams, CallResult } from '../cases/call.ts'
import { alternate, type Rounds } from '../measure/alternate.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { medianOf, pairedRatio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import type { SubjectName } from '../subjects/index.ts'
import type { Scale } from './scale.ts'

const names = [
  'nothing',
  'fastenEmit',
  'fastenEmitTick',
  'fastenLog',
  'pinoSync',
  'pinoAsync',
  'pinoWorker',
  'winston',
  'openTelemetry',
] as const satisfies readonly SubjectName[]

export type CallRounds = Rounds<(typeof names)[number], CallResult>

/** What one call costs its caller and what it costs in all, for us and for what people use today. */
export function measureCalls(scale: Scale, folder: string): Promise<CallRounds> {
  return alternate(names, scale, async (subject) => {
    const dir = mkdtempSync(join(folder, `${subject}-`))
    try {
      return await runCase<CallParams, CallResult>('call', {
        subject,
        dir,
        calls: scale.calls,
        warmCalls: scale.warmCalls,
        pacedMs: scale.pacedMs,
      })
    } finally {
      rmSync(dir, { recursive: true })
    }
  })
}

export function callTable(rounds: CallRounds): string {
  const median = (name: keyof CallRounds, pick: (result: CallResult) => number): string =>
    figure(medianOf(rounds[name].map(pick)))
  return table(
    [
      'one event, six members',
      'p50 µs',
      'p99',
      'p99.9',
      'calls/s',
      'drained/s',
      'CPU µs',
      'p50 at 10 k/s',
      'loop p99 ms',
    ],
    names.map((name) => [
      rounds[name][0]?.title ?? name,
      median(name, (each) => each.p50),
      median(name, (each) => each.p99),
      median(name, (each) => each.p999),
      median(name, (each) => each.callsPerSecond),
      median(name, (each) => each.drainedPerSecond),
      median(name, (each) => each.cpuMicros),
      median(name, (each) => each.pacedP50),
      median(name, (each) => each.loopDelayP99),
    ]),
  )
}

export function callGoals(rounds: CallRounds): readonly Goal[] {
  const column = (name: keyof CallRounds, pick: (result: CallResult) => number): number[] =>
    rounds[name].map(pick)
  const ratio = (ours: keyof CallRounds, theirs: keyof CallRounds, pick: (result: CallResult) => number) =>
    pairedRatio(column(ours, pick), column(theirs, pick))
  const goal = (
    id: string,
    text: string,
    sense: Goal['sense'],
    limit: number,
    found: Goal['found'],
  ): Goal => ({ id, text, sense, limit, unit: '×', found })
  return [
    goal(
      'P1',
      'emit p50 beside a pino call, sync file',
      '≤',
      1,
      ratio('fastenEmit', 'pinoSync', (each) => each.p50),
    ),
    goal(
      'P1',
      'emit p99 beside a pino call, sync file',
      '≤',
      1,
      ratio('fastenEmit', 'pinoSync', (each) => each.p99),
    ),
    goal(
      'P1',
      'emit p99.9 beside a pino call, sync file',
      '≤',
      1,
      ratio('fastenEmit', 'pinoSync', (each) => each.p999),
    ),
    goal(
      'P1',
      'emit with tick p50 beside pino, async file',
      '≤',
      0.15,
      ratio('fastenEmitTick', 'pinoAsync', (each) => each.p50),
    ),
    goal(
      'P1',
      'emit with tick p99.9 beside pino, async file',
      '≤',
      0.2,
      ratio('fastenEmitTick', 'pinoAsync', (each) => each.p999),
    ),
    goal(
      'P1',
      'log.info p50 beside pino, async file',
      '≤',
      0.5,
      ratio('fastenLog', 'pinoAsync', (each) => each.p50),
    ),
    goal(
      'P1',
      'log.info lines drained beside pino, async file',
      '≥',
      1.5,
      ratio('fastenLog', 'pinoAsync', (each) => each.drainedPerSecond),
    ),
    goal(
      'P1',
      'CPU of a row sealed in SQLite beside a line of winston',
      '≤',
      1,
      ratio('fastenEmit', 'winston', (each) => each.cpuMicros),
    ),
    goal(
      'P4',
      'event-loop delay p99 at 10,000 emits/s beside none',
      '≤',
      1.1,
      ratio('fastenEmit', 'nothing', (each) => each.loopDelayP99),
    ),
  ]
}
