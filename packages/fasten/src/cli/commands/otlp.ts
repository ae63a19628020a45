// SPDX-License-Identifier: Apache-2.0
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseTailQuery } from '../../reader/query.ts'
import type { ExportCursor } from '../../reader/otlp/export-rows.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { accepted, filterOptions, filtersFrom, streamOption, streamsOf } from '../filters.ts'
import { counted } from '../print/values.ts'
import { visible } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'otlp'
export const summary = 'send rows to an OpenTelemetry collector, as they are stored'
export const description =
  'Sends stored rows as OTLP logs over HTTP, oldest first, and follows new ones until Ctrl-C. The cursor file says how far it has come; a run ' +
  'that died goes on from there. Rows are sent at least once; log.record.uid is the id of the row and tells copies. While the collector is away nothing is ' +
  'lost: rows wait in the store. What the collector refuses for good ends the command, and the cursor stays before it.'
export const words = [
  {
    name: 'endpoint',
    summary:
      'e.g. http://collector:4318/v1/logs; else OTEL_EXPORTER_OTLP_LOGS_ENDPOINT, else OTEL_EXPORTER_OTLP_ENDPOINT',
  },
]
export const isLive = true

const withoutWindow = ['since', 'until'] as const

export const options: readonly OptionSpec[] = [
  {
    name: 'cursor',
    value: '<file>',
    summary: 'where to keep how far it has come (default: ./fasten-otlp.cursor)',
    isFile: true,
  },
  { name: 'from-now', summary: 'at the very first run, leave out what is stored already' },
  { name: 'once', summary: 'end when everything is sent that is stored now' },
  {
    name: 'header',
    value: '<name=value>',
    summary: 'sent along; OTEL_EXPORTER_OTLP_HEADERS keeps credentials out of the process list; repeatable',
    isRepeatable: true,
  },
  { name: 'skip-refused', summary: 'count and tell rows that the collector refuses, and go on' },
  { name: 'no-gzip', summary: 'send uncompressed' },
  { name: 'batch', value: '<rows>', summary: 'rows in one request (default: 500)', range: [1, 10_000] },
  streamOption,
  ...filterOptions(withoutWindow),
  ...targetOptions,
]

export const examples = [
  [
    'fasten otlp http://localhost:4318/v1/logs',
    'everything in ./fasten.db or FASTEN_AUDIT_DSN, and what comes',
  ],
  [
    'fasten otlp --once --stream audit http://collector:4318/v1/logs',
    'audit rows, from where the last run ended',
  ],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const endpoint = args.words[0] ?? endpointOf(world)
  const headers = { ...headersOf(world), ...pairsOf(args.list('header'), '--header') }
  const cursor = fileCursor(resolve(world.cwd, args.text('cursor') ?? 'fasten-otlp.cursor'))
  const target = targetOf(args, world.env)
  const search = filtersFrom(args, withoutWindow)
  const chosen = streamsOf(args)
  if (chosen !== undefined) search.set('streams', chosen.join(','))
  const { streams, filter } = accepted(parseTailQuery(search, world.clock.nowMicros()))
  const { exportRows } = await import('../../reader/otlp/export-rows.ts')
  const reader = await world.openReader(target)
  try {
    const batchRows = args.count('batch')
    const { sent, refused } = await exportRows(
      {
        reader,
        cursor,
        url: endpoint,
        headers,
        streams,
        filter,
        gzip: !args.flag('no-gzip'),
        from: args.flag('from-now') ? 'now' : 'oldest',
        stopsAtEnd: args.flag('once'),
        onRefused: args.flag('skip-refused') ? 'skip' : 'stop',
        onTrouble: (error) => void world.err.line(visible(error.toLine())),
        ...(batchRows === undefined ? {} : { batchRows }),
      },
      world.signal,
    )
    await world.err.line(`${counted(sent, 'row')} sent${refused === 0 ? '' : `, ${refused} refused`}`)
    return refused === 0 ? exitCodes.ok : exitCodes.findings
  } finally {
    await reader.close()
  }
}

/** The standard variables; the general one names the root of all signals. */
function endpointOf({ env }: World): string {
  const own = env['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'] || undefined
  const root = env['OTEL_EXPORTER_OTLP_ENDPOINT'] || undefined
  const endpoint = own ?? (root === undefined ? undefined : `${root.replace(/\/+$/, '')}/v1/logs`)
  if (endpoint !== undefined) return endpoint
  throw usageError('BAD_ARGUMENT', 'no endpoint to send to', {
    hint: 'name it, e.g. fasten otlp http://localhost:4318/v1/logs, or set OTEL_EXPORTER_OTLP_LOGS_ENDPOINT',
  })
}

function headersOf({ env }: World): Record<string, string> {
  const variable = env['OTEL_EXPORTER_OTLP_LOGS_HEADERS']
    ? 'OTEL_EXPORTER_OTLP_LOGS_HEADERS'
    : 'OTEL_EXPORTER_OTLP_HEADERS'
  const pairs = (env[variable] ?? '').split(',').filter((pair) => pair.trim() !== '')
  return pairsOf(pairs.map(decoded), variable)
}

function decoded(pair: string): string {
  try {
    return decodeURIComponent(pair)
  } catch {
    // Not percent-encoded after all.
    return pair
  }
}

/** Never quotes what it refuses: it may be the credential. */
function pairsOf(pairs: readonly string[], from: string): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const equals = pair.indexOf('=')
      if (equals > 0) return [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()]
      throw usageError('BAD_OPTION', `${from} holds something that is no name=value`)
    }),
  )
}

/** One line in a file that is replaced as a whole, so that a crash leaves the old place or the new one. */
function fileCursor(path: string): ExportCursor {
  return {
    load: () => (existsSync(path) ? readFileSync(path, 'utf8').trim() || undefined : undefined),
    save(place) {
      writeFileSync(`${path}.unfinished`, `${place}\n`, { flush: true })
      renameSync(`${path}.unfinished`, path)
    },
  }
}
