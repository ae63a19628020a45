// SPDX-License-Identifier: Apache-2.0
/**
 * What fasten costs, beside what people use today, in one run.
 *
 *     npm run bench                     every group, some ten minutes; keeps the figures and draws the picture
 *     npm run bench -- --quick          every group in under a minute, rough, keeps nothing
 *     npm run bench -- --only calls     some of: calls, rows, postgres, fleet, http, mqtt, start; keeps nothing
 *     npm run bench -- --only fleet     fills a fleet with ten million rows, a quarter of an hour; not part of the others
 *     npm run bench -- --only pages     the pages in a real browser over a million rows, ten minutes; not part of the others
 *     npm run bench -- … --rows 1000000 another number of rows that the fleet is filled with
 *     npm run bench -- --rounds 3       another number of rounds than five; keeps the figures
 *     npm run bench -- … --json         keeps the figures of such a run all the same; with --only, beside those of the last full run
 *
 * Both sides of every ratio are measured in the same rounds, in processes of their own, after a warm-up that is thrown
 * away. Every case reads back what it wrote and fails the run when anything is missing, so a figure without its rows
 * cannot be printed.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { callGoals, callTable, measureCalls } from './groups/calls.ts'
import { fleetGoals, fleetTable, measureFleet } from './groups/fleet.ts'
import { httpGoals, httpTable, measureHttp } from './groups/http.ts'
import { measureMqtt, mqttGoals, mqttTable } from './groups/mqtt.ts'
import { measurePages, pagesGoals, pagesTable } from './groups/pages.ts'
import { measurePostgres, postgresGoals, postgresTable } from './groups/postgres.ts'
import { measureRows, rowGoals, rowTable } from './groups/rows.ts'
import { full, quick } from './groups/scale.ts'
import { measureStart, startGoals, startTable } from './groups/start.ts'
import { keep } from './keep.ts'
import { goalTable, judgeGoal, type Goal } from './measure/goals.ts'
import { describeMachine } from './measure/machine.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    rows: { type: 'string' },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const usual = values.quick ? quick : full
const rounds = values.rounds === undefined ? usual.rounds : Number(values.rounds)
if (!Number.isInteger(rounds) || rounds < 1)
  throw new TypeError(`--rounds takes a whole number of rounds from 1, not "${values.rounds}"`)
const filled = values.rows === undefined ? usual.fleet.rows : Number(values.rows)
if (!Number.isInteger(filled) || filled < 100_000)
  throw new TypeError(`--rows takes a whole number of rows from 100000, not "${values.rows}"`)
const scale = { ...usual, rounds, fleet: { ...usual.fleet, rows: filled } }
const machine = describeMachine()
const folder = mkdtempSync(join(tmpdir(), 'fasten-bench-'))
const said: string[] = []
const goals: Goal[] = []
const groups: { [name: string]: unknown } = {}

say(
  `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.platform}, Node.js ${machine.node}, SQLite ${machine.sqlite}`,
)
say(`medians of ${scale.rounds} rounds${values.quick ? ' (quick: rough)' : ''}; compare within this run only`)
if (machine.loadBefore > machine.cores / 2)
  say(
    `busy: the load was ${machine.loadBefore} before this run began, so tails and waits are those of a crowded machine`,
  )
if (import.meta.resolve('fasten').endsWith('.ts'))
  say('fasten runs from source here; start-up figures mean the built package')
try {
  await group('calls', () => measureCalls(scale, folder), callTable, callGoals)
  await group('rows', () => measureRows(scale, folder), rowTable, rowGoals)
  await group('postgres', () => measurePostgres(scale, folder), postgresTable, postgresGoals)
  // Ten million rows and a quarter of an hour of their own, and a browser.
  if (values.only !== undefined) {
    await group('fleet', () => measureFleet(scale, folder), fleetTable, fleetGoals)
    await group('pages', () => measurePages(scale, folder), pagesTable, pagesGoals)
  }
  await group('http', () => measureHttp(scale, folder), httpTable, httpGoals)
  await group('mqtt', () => measureMqtt(scale), mqttTable, mqttGoals)
  await group('start', () => measureStart(scale, folder), startTable, startGoals)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
say(`\n${goalTable(goals)}`)
if (values.json || (!values.quick && values.only === undefined)) {
  const judged = goals.map((goal) => ({ ...goal, verdict: judgeGoal(goal) }))
  keep({ at: new Date().toISOString(), machine, scale, groups, goals: judged }, said, values.only)
  process.stdout.write(
    values.only === undefined
      ? '\nkept in bench/results/latest.json, bench/README.md and docs/pictures/bench.svg\n'
      : `\nkept in bench/results/${values.only}.json and bench/README.md\n`,
  )
}

async function group<R>(
  name: string,
  measure: () => Promise<R>,
  show: (result: R) => string,
  judge: (result: R) => readonly Goal[],
): Promise<void> {
  if (values.only !== undefined && !values.only.split(',').includes(name)) return
  if (process.stdout.isTTY) process.stdout.write(`\n… measuring ${name}\r`)
  const result = await measure()
  if (process.stdout.isTTY) process.stdout.write('\x1b[2K\x1b[1A')
  groups[name] = result
  goals.push(...judge(result))
  say(`\n${show(result)}`)
}

function say(text: string): void {
  said.push(text)
  process.stdout.write(`${text}\n`)
}
