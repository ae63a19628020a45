// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import type { Reader, TailQuery } from '../../reader/reader.ts'
import { parseTailQuery } from '../../reader/query.ts'
import type { Args, OptionSpec, World } from '../command.ts'
import { exitCodeOf, exitCodes } from '../exit-codes.ts'
import { accepted, filterOptions, filtersFrom, streamOption, streamsOf } from '../filters.ts'
import { rowPrinter } from '../print/row-line.ts'
import { jsonLine, visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'tail'
export const summary = 'show rows of all streams as they are stored'
export const description =
  'Shows the newest rows, then every new one until Ctrl-C. When the connection or the store goes away it waits, ' +
  'comes back and continues after the last row it showed: nothing is lost, nothing is shown twice.'
export const words = [{ name: 'target', summary: 'the same as --store', isFile: true }]
export const isLive = true

const withoutWindow = ['since', 'until'] as const

export const options: readonly OptionSpec[] = [
  streamOption,
  {
    name: 'backlog',
    short: 'n',
    value: '<rows>',
    summary: 'rows of each stream to begin with (default: 10)',
    range: [0, 1000],
  },
  { name: 'json', short: 'j', summary: 'one JSON object a line, as the row is stored' },
  { name: 'cite', summary: 'end each line with the citation of its row' },
  ...filterOptions(withoutWindow),
  ...targetOptions,
]

export const examples = [
  ['fasten tail', 'everything that happens in ./fasten.db or FASTEN_AUDIT_DSN'],
  ['fasten tail --stream audit --actor alice', 'what alice does'],
  [
    'fasten tail --request-id 4f1c2a9be07d --url https://host/api/v1/logs',
    'one request, on a running service',
  ],
  ['fasten tail --json | jq \'select(.severity=="critical")\'', 'rows as data'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const target = targetOf(args, world.env, args.words[0])
  const query = tailQuery(args, world)
  const print = args.flag('json')
    ? (row: Parameters<ReturnType<typeof rowPrinter>>[0]) => [jsonLine(row)]
    : rowPrinter(world.out.look, { hasCitation: args.flag('cite') })
  const progress: Progress = { resume: undefined, failures: 0 }
  while (!world.signal.aborted) {
    let reader: Reader | undefined
    try {
      reader = await world.openReader(target)
      for await (const event of reader.tail(resumed(query, progress), world.signal)) {
        if (progress.failures > 0)
          await world.err.line('connected again; continuing after the last row shown')
        progress.failures = 0
        await world.out.lines(print(event.row))
        progress.resume = event.id
      }
      if (!world.signal.aborted) await pause(nextWait(progress), world.signal)
    } catch (error) {
      if (world.signal.aborted) break
      if (!isPassing(error, progress)) throw error
      await complain(error, progress, world)
      await pause(nextWait(progress), world.signal)
    } finally {
      await reader?.close()
    }
  }
  return exitCodes.ok
}

interface Progress {
  /** Token of the place reached. */
  resume: string | undefined
  /** Attempts in a row that failed. */
  failures: number
}

function tailQuery(args: Args, world: World): TailQuery {
  const search = filtersFrom(args, withoutWindow)
  const streams = streamsOf(args)
  if (streams !== undefined) search.set('streams', streams.join(','))
  search.set('backlog', String(args.count('backlog') ?? 10))
  return accepted(parseTailQuery(search, world.clock.nowMicros()))
}

/** The query from where the last attempt stood; places are kept also where no row came by. */
function resumed(query: TailQuery, progress: Progress): TailQuery {
  const onPlace = (id: string): void => {
    progress.resume = id
  }
  return progress.resume === undefined
    ? { ...query, onPlace }
    : { ...query, onPlace, resume: progress.resume }
}

/**
 * Trouble at the very beginning is a wrong name or a dead service, and the user wants to know now; later on it is a restart
 * or a cable, and the user wants the tail to live through it. A wrong question never cures itself.
 */
function isPassing(error: unknown, progress: Progress): boolean {
  if (!(error instanceof FastenError) || exitCodeOf(error) === exitCodes.usage) return false
  return progress.resume !== undefined || progress.failures > 0
}

async function complain(error: unknown, progress: Progress, world: World): Promise<void> {
  // Said once; repeating it every few seconds would bury the rows above.
  if (progress.failures > 0 || !(error instanceof FastenError)) return
  await world.err.line(`${visible(error.toLine())}; waiting for it to come back`)
}

const waitMsMax = 5000

function nextWait(progress: Progress): number {
  progress.failures++
  return Math.min(250 * 2 ** (progress.failures - 1), waitMsMax)
}

function pause(waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, waitMs)
    signal.addEventListener('abort', done)
  })
}
