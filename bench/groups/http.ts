// SPDX-License-Identifier: Apache-2.0
import { execFile, fork, type ChildProcess } from 'node:child_process'
import { closeSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Dress, ServerOrder, ServerParams, ServerReport } from '../cases/server.ts'
import { alternate, type Rounds } from '../measure/alternate.ts'
import type { Goal } from '../measure/goals.ts'
import { openLoadClient, type LoadClient } from '../measure/load.ts'
import { medianOf, pairedRatio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import { frameworks, type Framework } from '../subjects/servers.ts'
import type { Scale } from './scale.ts'

/** One line of http-shims.ts: the same server bare and with the shim, rows counted and thrown away. */
export interface ShimResult {
  readonly name: string
  readonly ratio: number
  readonly ratioMin: number
  readonly ratioMax: number
  readonly barePerSecond: number
  readonly bareMicros: number
  readonly addedMicros: number
  /** Under OpenTelemetry's own instrumentation, where there is one. */
  readonly otel?: { readonly ratio: number; readonly addedMicros: number }
}

interface LoadResult {
  readonly requestsPerSecond: number
  /** Of the server's process, all threads, per request. */
  readonly cpuMicros: number
}

const dresses = ['bare', 'fasten', 'pino'] as const satisfies readonly Dress[]

export interface HttpRounds {
  readonly servers: Readonly<Record<Framework, Rounds<Dress, LoadResult>>>
  readonly shims: readonly ShimResult[]
}

export async function measureHttp(scale: Scale, folder: string): Promise<HttpRounds> {
  const servers: Partial<Record<Framework, Rounds<Dress, LoadResult>>> = {}
  for (const framework of frameworks) servers[framework] = await measureFramework(framework, scale, folder)
  return { servers: servers as HttpRounds['servers'], shims: await measureShims(scale) }
}

/** All three servers are up at once and are loaded in turn. */
async function measureFramework(
  framework: Framework,
  scale: Scale,
  folder: string,
): Promise<Rounds<Dress, LoadResult>> {
  const running = Object.fromEntries(
    await Promise.all(
      dresses.map(
        async (dress) =>
          [
            dress,
            await startLoaded({ framework, dress, dir: join(folder, `${framework}-${dress}`) }, folder),
          ] as const,
      ),
    ),
  ) as Record<Dress, LoadedServer>
  try {
    const ms = Math.min(1000, scale.pacedMs / 2)
    // Two rounds of compiling first, whatever the scale.
    const results = await alternate(dresses, { rounds: scale.rounds + 2, warmRounds: 2 }, (dress) =>
      running[dress].round(ms),
    )
    for (const dress of dresses) await running[dress].end()
    return results
  } finally {
    for (const dress of dresses) running[dress].child.kill('SIGKILL')
  }
}

interface LoadedServer {
  readonly child: ChildProcess
  round(ms: number): Promise<LoadResult>
  /** Rejects unless the server found a row for each request it was sent. */
  end(): Promise<void>
}

async function startLoaded(params: ServerParams, folder: string): Promise<LoadedServer> {
  const stdout = openSync(join(folder, `${params.framework}-${params.dress}.out`), 'a')
  const child = fork(
    fileURLToPath(new URL('../cases/server.ts', import.meta.url)),
    [JSON.stringify(params)],
    {
      stdio: ['ignore', stdout, 'inherit', 'ipc'],
    },
  )
  closeSync(stdout)
  const ask = (order?: ServerOrder): Promise<ServerReport> =>
    new Promise((resolve, reject) => {
      const failed = (): void => reject(new Error(`the ${params.dress} ${params.framework} server ended`))
      child.once('exit', failed)
      child.once('message', (message) => {
        child.off('exit', failed)
        resolve(message as ServerReport)
      })
      if (order !== undefined) child.send(order)
    })
  const hello = await ask()
  if (hello.kind !== 'listening') throw new Error('the server did not say where it listens')
  const client: LoadClient = await openLoadClient(hello.port)
  let sent = 0
  const cpu = async (): Promise<number> => {
    const sample = await ask('sample')
    return sample.kind === 'sample' ? sample.cpuMicros : Number.NaN
  }
  return {
    child,
    async round(ms) {
      const before = await cpu()
      const { requests, seconds } = await client.load(ms)
      sent += requests
      return { requestsPerSecond: requests / seconds, cpuMicros: ((await cpu()) - before) / requests }
    },
    async end() {
      client.close()
      const report = await ask('end')
      if (report.kind !== 'checked' || report.requests !== sent)
        throw new Error(`${sent} requests were sent, ${JSON.stringify(report)}`)
    },
  }
}

async function measureShims(scale: Scale): Promise<readonly ShimResult[]> {
  const program = fileURLToPath(new URL('../http-shims.ts', import.meta.url))
  const size = ['--rounds', String(scale.rounds + 1), '--ms', String(Math.min(600, scale.pacedMs / 2))]
  const { stdout } = await promisify(execFile)(process.execPath, [
    ...process.execArgv,
    program,
    '--json',
    ...size,
  ])
  return JSON.parse(stdout) as ShimResult[]
}

export function httpTable({ servers, shims }: HttpRounds): string {
  const median = (framework: Framework, dress: Dress, pick: (each: LoadResult) => number): string =>
    figure(medianOf(servers[framework][dress].map(pick)))
  return [
    table(
      ['HTTP server under load', 'bare req/s', 'fasten ×', 'pino ×', 'bare CPU µs', 'fasten', 'pino'],
      frameworks.map((framework) => [
        framework,
        median(framework, 'bare', (each) => each.requestsPerSecond),
        pairedRatio(rates(servers[framework].fasten), rates(servers[framework].bare)).median.toFixed(2),
        pairedRatio(rates(servers[framework].pino), rates(servers[framework].bare)).median.toFixed(2),
        median(framework, 'bare', (each) => each.cpuMicros),
        median(framework, 'fasten', (each) => each.cpuMicros),
        median(framework, 'pino', (each) => each.cpuMicros),
      ]),
    ),
    'fasten: request id, context, api line on stdout, one audit event stored in SQLite. pino: one line for each request.',
    table(
      [
        'the shim alone, rows counted and dropped',
        'bare req/s',
        'with shim ×',
        'OpenTelemetry ×',
        'bare CPU µs',
        'shim adds µs',
        'OpenTelemetry adds µs',
      ],
      shims.map(({ name, ratio, ratioMin, ratioMax, barePerSecond, bareMicros, addedMicros, otel }) => [
        name,
        figure(barePerSecond),
        `${ratio.toFixed(3)} (${ratioMin.toFixed(2)}–${ratioMax.toFixed(2)})`,
        otel?.ratio.toFixed(3) ?? '–',
        figure(bareMicros),
        figure(addedMicros),
        otel === undefined ? '–' : figure(otel.addedMicros),
      ]),
    ),
  ].join('\n\n')
}

export function httpGoals({ servers, shims }: HttpRounds): readonly Goal[] {
  const goal = (text: string, limit: number, found: Goal['found']): Goal => ({
    id: 'P5',
    text,
    sense: '≥',
    limit,
    unit: '×',
    found,
  })
  return [
    ...frameworks.flatMap((framework) => {
      const { bare, fasten, pino } = servers[framework]
      return [
        goal(
          `${framework}: shim, api row and one emit beside bare, requests/s`,
          0.92,
          pairedRatio(rates(fasten), rates(bare)),
        ),
        goal(
          `${framework}: the same beside one pino line a request, requests/s`,
          1,
          pairedRatio(rates(fasten), rates(pino)),
        ),
      ]
    }),
    ...shims.map(({ name, ratio, ratioMin, ratioMax }) =>
      goal(`${name}: the shim alone beside bare, requests/s`, 0.92, {
        median: ratio,
        min: ratioMin,
        max: ratioMax,
      }),
    ),
  ]
}

const rates = (results: readonly LoadResult[]): number[] => results.map((each) => each.requestsPerSecond)
