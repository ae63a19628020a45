// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Goal } from '../measure/goals.ts'
import { figure, table } from '../measure/table.ts'
import type { Scale } from './scale.ts'

/** One line of http-shims.ts: the same server bare and with the shim. */
export interface ShimResult {
  readonly name: string
  readonly ratio: number
  readonly ratioMin: number
  readonly ratioMax: number
  readonly barePerSecond: number
  readonly bareMicros: number
  readonly addedMicros: number
}

export async function measureHttp(scale: Scale): Promise<readonly ShimResult[]> {
  const program = fileURLToPath(new URL('../http-shims.ts', import.meta.url))
  const size = ['--rounds', String(scale.rounds + 1), '--ms', String(Math.min(600, scale.pacedMs / 2))]
  const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, program, '--json', ...size])
  return JSON.parse(stdout) as ShimResult[]
}

export function httpTable(results: readonly ShimResult[]): string {
  return table(
    ['HTTP server with id, context and api row', 'bare req/s', 'with shim ×', 'bare CPU µs', 'added µs'],
    results.map(({ name, ratio, ratioMin, ratioMax, barePerSecond, bareMicros, addedMicros }) => [
      name, figure(barePerSecond), `${ratio.toFixed(3)} (${ratioMin.toFixed(2)}–${ratioMax.toFixed(2)})`, figure(bareMicros), figure(addedMicros),
    ]),
  )
}

export function httpGoals(results: readonly ShimResult[]): readonly Goal[] {
  return results.map(({ name, ratio, ratioMin, ratioMax }) => ({
    id: 'P5', text: `${name} with the shim beside ${name} bare, requests/s`, sense: '≥', limit: 0.92, unit: '×',
    found: { median: ratio, min: ratioMin, max: ratioMax },
  }))
}
