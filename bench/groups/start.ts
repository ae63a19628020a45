// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { StartParams, StartResult } from '../cases/start.ts'
import type { StoredParams, StoredResult } from '../cases/stored.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { medianOf, pairedRatio, type Ratio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import type { Scale } from './scale.ts'

export interface StartRounds {
  readonly starts: readonly StartResult[]
  /** Milliseconds from spawning `fasten tail` until its first line, and until `node -e 0` has ended. */
  readonly tailMs: readonly number[]
  readonly nodeMs: readonly number[]
  /** Kilobytes of what is published, unpacked; null while the package runs from source. */
  readonly packageKilobytes: number | null
}

export async function measureStart(scale: Scale, folder: string): Promise<StartRounds> {
  const starts: StartResult[] = []
  const tailMs: number[] = []
  const nodeMs: number[] = []
  const dir = mkdtempSync(join(folder, 'start-'))
  const store = join(dir, 'tail.db')
  await runCase<StoredParams, StoredResult>('stored', { database: store, rows: 1000 })
  for (let round = -1; round < scale.rounds; round++) {
    const start = await runCase<StartParams, StartResult>('start', {
      database: join(dir, `start-${round}.db`),
      idleMs: scale.idleMs,
    })
    const tail = await firstLineMs([commandFile(), 'tail', '--stream', 'audit', '--store', store])
    const bare = await firstLineMs(['-e', 'console.log(1)'])
    // The first round reads the files from the disk.
    if (round < 0) continue
    starts.push(start)
    tailMs.push(tail)
    nodeMs.push(bare)
  }
  rmSync(dir, { recursive: true })
  return { starts, tailMs, nodeMs, packageKilobytes: packageKilobytes() }
}

export function startTable({ starts, tailMs, nodeMs, packageKilobytes: size }: StartRounds): string {
  const median = (pick: (each: StartResult) => number): string => figure(medianOf(starts.map(pick)))
  return table(
    ['having it at all', 'figure'],
    [
      ["import 'fasten', ms", median((each) => each.importMs)],
      ['fasten.init(), ms', median((each) => each.initMs)],
      ['CPU while idle, share of a core', median((each) => each.idleCpu)],
      ['timers that keep an idle process awake', median((each) => each.idleTimers)],
      ['fasten tail, first line, ms', figure(medianOf(tailMs))],
      ['node itself, ms', figure(medianOf(nodeMs))],
      ['package unpacked, kB', size === null ? 'runs from source' : figure(size)],
    ],
  )
}

export function startGoals({ starts, tailMs, packageKilobytes: size }: StartRounds): readonly Goal[] {
  const alone = (values: readonly number[]): Ratio =>
    pairedRatio(
      values,
      values.map(() => 1),
    )
  const goal = (text: string, limit: number, unit: string, values: readonly number[]): Goal => ({
    id: 'P10',
    text,
    sense: '≤',
    limit,
    unit,
    found: alone(values),
  })
  return [
    goal(
      "import 'fasten'",
      25,
      'ms',
      starts.map((each) => each.importMs),
    ),
    goal(
      'init()',
      20,
      'ms',
      starts.map((each) => each.initMs),
    ),
    goal('fasten tail, first line', 200, 'ms', tailMs),
    ...(size === null ? [] : [goal('package, unpacked', 400, 'kB', [size])]),
    {
      ...goal(
        'CPU of an idle process',
        0.01,
        'cores',
        starts.map((each) => each.idleCpu),
      ),
      id: 'P4',
    },
  ]
}

function firstLineMs(args: readonly string[]): Promise<number> {
  const start = performance.now()
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) =>
      reject(new Error(`${args.join(' ')} ended with ${code} before its first line`)),
    )
    child.stdout.once('data', () => {
      resolve(performance.now() - start)
      child.kill()
    })
  })
}

/** Behind `bin` of the package; its source when the package runs from source. */
function commandFile(): string {
  const entry = import.meta.resolve('fasten')
  return fileURLToPath(new URL(entry.endsWith('.ts') ? '../cli/main.ts' : '../cli/main.js', entry))
}

function packageKilobytes(): number | null {
  const entry = import.meta.resolve('fasten')
  if (entry.endsWith('.ts')) return null
  const root = fileURLToPath(new URL('../../', entry))
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    files: readonly string[]
  }
  const published = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .filter(
      (path) =>
        files.some((name) => path.startsWith(join(root, name))) || path === join(root, 'package.json'),
    )
  return published.reduce((sum, path) => sum + statSync(path).size, 0) / 1000
}
