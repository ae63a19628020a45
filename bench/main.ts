// SPDX-License-Identifier: Apache-2.0
/**
 * What fasten costs, beside what people use today, in one run.
 *
 *     npm run bench                     every group, several minutes
 *     npm run bench -- --quick          every group in under a minute, rough
 *     npm run bench -- --only calls     some of: calls, rows, http, start
 *     npm run bench -- --json           also keep the figures in bench/results/latest.json and draw docs/pictures/bench.svg
 *
 * Both sides of every ratio are measured in the same rounds, in processes of their own, after a warm-up that is thrown away. Every case
 * reads back what it wrote and fails the run when anything is missing, so a figure without its rows cannot be printed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { callGoals, callTable, measureCalls } from './groups/calls.ts'
import { httpGoals, httpTable, measureHttp } from './groups/http.ts'
import { measureRows, rowGoals, rowTable } from './groups/rows.ts'
import { full, quick } from './groups/scale.ts'
import { measureStart, startGoals, startTable } from './groups/start.ts'
import { judgeGoal, type Goal } from './measure/goals.ts'
import { describeMachine } from './measure/machine.ts'
import { figure, table } from './measure/table.ts'
import { drawPicture, type Results } from './picture.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const scale = values.quick ? quick : full
const machine = describeMachine()
const folder = mkdtempSync(join(tmpdir(), 'fasten-bench-'))
const goals: Goal[] = []
const groups: { [name: string]: unknown } = {}

say(
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node.js ${machine.node}, SQLite ${machine.sqlite}`,
)
say(`medians of ${scale.rounds} rounds${values.quick ? ' (quick: rough)' : ''}; compare within this run only`)
if (import.meta.resolve('fasten').endsWith('.ts'))
  say('fasten runs from source here; start-up figures are those of the built package only')
try {
  await group('calls', () => measureCalls(scale, folder), callTable, callGoals)
  await group('rows', () => measureRows(scale, folder), rowTable, rowGoals)
  await group('http', () => measureHttp(scale, folder), httpTable, httpGoals)
  await group('start', () => measureStart(scale, folder), startTable, startGoals)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
say(`\n${goalTable(goals)}`)
if (values.json)
  save({
    at: new Date().toISOString(),
    machine,
    scale,
    groups,
    goals: goals.map((goal) => ({ ...goal, verdict: judgeGoal(goal) })),
  })

async function group<R>(
  name: string,
  measure: () => Promise<R>,
  show: (result: R) => string,
  judge: (result: R) => readonly Goal[],
): Promise<void> {
  if (values.only !== undefined && !values.only.split(',').includes(name)) return
  if (process.stdout.isTTY) process.stdout.write(`\n… measuring ${name}`)
  const result = await measure()
  if (process.stdout.isTTY) process.stdout.write('\r\x1b[2K')
  groups[name] = result
  goals.push(...judge(result))
  say(`${process.stdout.isTTY ? '' : '\n'}${show(result)}`)
}

function goalTable(list: readonly Goal[]): string {
  return table(
    ['goal', 'wanted', 'found', 'min', 'max', ''],
    list.map((goal) => {
      const { id, text, sense, limit, unit, found } = goal
      return [
        `${id.padEnd(3)} ${text}`,
        `${sense} ${figure(limit)} ${unit}`,
        figure(found.median),
        figure(found.min),
        figure(found.max),
        judgeGoal(goal),
      ]
    }),
  )
}

function save(results: Results): void {
  const here = join(import.meta.dirname, 'results')
  mkdirSync(here, { recursive: true })
  writeFileSync(join(here, 'latest.json'), `${JSON.stringify(results, null, 2)}\n`)
  const pictures = join(import.meta.dirname, '..', 'docs', 'pictures')
  mkdirSync(pictures, { recursive: true })
  writeFileSync(join(pictures, 'bench.svg'), drawPicture(results))
  say('\nkept in bench/results/latest.json, drawn in docs/pictures/bench.svg')
}

function say(text: string): void {
  process.stdout.write(`${text}\n`)
}
