// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName, type VerificationState } from '../../core/row.ts'
import { filterNamed } from '../../reader/parameters.ts'
import { csvHeader, csvLine } from '../../reader/csv.ts'
import { parsePageQuery } from '../../reader/query.ts'
import type { Page, PageQuery, ReaderRow } from '../../reader/reader.ts'
import { chipsToSearch, translate } from '../../reader/translator.ts'
import { usageError, type Args, type OptionSpec, type World } from '../command.ts'
import { exitCodes } from '../exit-codes.ts'
import { accepted, filterOptions, filtersFrom, streamOption, streamsOf } from '../filters.ts'
import { mergeRows } from '../merged-rows.ts'
import { markLegend, rowPrinter } from '../print/row-line.ts'
import { counted, grouped } from '../print/values.ts'
import { jsonLine, visibleLines } from '../../core/visible.ts'
import { targetOf, targetOptions } from '../target.ts'

export const name = 'query'
export const summary = 'find stored rows by fields, request, time or text'
export const description =
  'Words are read as field:value filters (level:error, status:502, code:USER_*, actor:"Ann Lee", has:reason), as -field:value for what is left out, as a request id, ' +
  'or as text to search for; options say the same. Rows of several streams come in one list, by time.'
export const words = [{ name: 'text', summary: 'what to look for', isRepeatable: true }]

export const options: readonly OptionSpec[] = [
  streamOption,
  {
    name: 'limit',
    short: 'n',
    value: '<rows>',
    summary: 'rows at most (default: 100)',
    range: [1, 1_000_000],
  },
  { name: 'all', short: 'a', summary: 'every row that matches, however many' },
  {
    name: 'order',
    value: '<order>',
    summary: 'which rows come first: newest (default) or oldest',
    choices: ['newest', 'oldest'],
  },
  { name: 'cursor', value: '<cursor>', summary: 'continue where an earlier query of one stream ended' },
  { name: 'json', short: 'j', summary: 'one JSON object a line, as the row is stored' },
  { name: 'csv', summary: 'comma-separated values, safe to open in a spreadsheet; one stream' },
  { name: 'count', short: 'c', summary: 'only how many rows match, by stream' },
  {
    name: 'disclose',
    summary:
      'show personal values, with the key of this machine or the permission audit:disclose of the URL; they stand under disclosures',
  },
  { name: 'cite', summary: 'end each line with the citation of its row' },
  ...filterOptions(),
  ...targetOptions,
]

export const examples = [
  ['fasten query level:error --since -2h', 'errors of the last two hours'],
  ['fasten query actor:alice outcome:denied', 'what alice was refused'],
  ['fasten query -code:ORDER_PAID -level:debug', 'everything but these; rows without a code or level too'],
  ['fasten query "refund failed" --since 2026-09-01', 'rows with these words'],
  ['fasten query code:PAYMENT_* --all --csv > payments.csv', 'a spreadsheet'],
] as const

export async function run(args: Args, world: World): Promise<number> {
  const shape = shapeOf(args)
  const search = searchOf(args)
  const isSearchBounded = boundSearch(search)
  const wanted = streamsFor(search, args)
  const limit = args.flag('all') ? Infinity : (args.count('limit') ?? 100)
  const queries = wanted.map((stream) => pageQuery(search, stream, limit, args, world))
  if (shape === 'csv' && wanted.length > 1) {
    throw usageError('BAD_OPTION', '--csv needs one stream, since each has columns of its own', {
      hint: 'add --stream audit, sys or api',
    })
  }
  if (args.text('cursor') !== undefined && wanted.length > 1) {
    throw usageError('BAD_OPTION', '--cursor continues a query of one stream', {
      hint: 'add --stream audit, sys or api',
    })
  }
  const reader = await world.openReader(targetOf(args, world.env), args.flag('disclose'))
  try {
    if (shape === 'count') return await count(queries, reader, world)
    const { rows, firstPages } = await mergeRows(reader, queries)
    const shown = await printRows({ rows, streamsAsked: wanted, limit, shape }, args, world)
    if (world.signal.aborted) return exitCodes.ok
    await notes({ shown, limit, firstPages, wanted, isSearchBounded, shape }, world)
    return exitCodes.ok
  } finally {
    await reader.close()
  }
}

type Shape = 'lines' | 'json' | 'csv' | 'count'

function shapeOf(args: Args): Shape {
  const asked = (['json', 'csv', 'count'] as const).filter((option) => args.flag(option))
  if (asked.length > 1) throw usageError('BAD_OPTION', `--${asked[0]} and --${asked[1]} exclude each other`)
  return asked[0] ?? 'lines'
}

function searchOf(args: Args): URLSearchParams {
  const search = chipsToSearch(translate(args.words.join(' ')))
  const flags = filtersFrom(args)
  for (const option of new Set(flags.keys())) {
    if (option === 'not') {
      for (const value of flags.getAll(option)) if (!search.has(option, value)) search.append(option, value)
      continue
    }
    // An option is more deliberate than a word; saying both differently is a slip worth stopping for.
    if (search.has(option) && search.get(option) !== flags.get(option)) {
      throw usageError(
        'BAD_OPTION',
        `${option} is ${JSON.stringify(search.get(option))} in the text and ${JSON.stringify(flags.get(option))} as an option`,
      )
    }
    search.delete(option)
    for (const value of flags.getAll(option)) search.append(option, value)
  }
  return search
}

const searchWindow = '-24h'

/** A search for text reads every row of its window; without one it gets a day, and the user is told. */
function boundSearch(search: URLSearchParams): boolean {
  if (!search.has('q') || search.has('since')) return false
  search.set('since', searchWindow)
  return true
}

/** The streams that can have all the members asked for. */
function streamsFor(search: URLSearchParams, args: Args): readonly StreamName[] {
  const asked = streamsOf(args)
  if (asked !== undefined) return asked
  const able = streams.filter((stream) =>
    [...new Set(search.keys())].every(
      (parameter) => filterNamed(parameter)?.streams.includes(stream) ?? true,
    ),
  )
  if (able.length > 0) return able
  const scoped = [...new Set(search.keys())].filter(
    (parameter) => (filterNamed(parameter)?.streams.length ?? 0) < streams.length,
  )
  const told = scoped.map((parameter) => `${parameter} (${filterNamed(parameter)?.streams.join(', ')})`)
  throw usageError('BAD_OPTION', `no stream has all of ${told.join(' and ')}`, {
    hint: 'ask for each stream by itself',
  })
}

const pageRowsMax = 1000

function pageQuery(
  search: URLSearchParams,
  stream: StreamName,
  limit: number,
  args: Args,
  world: World,
): PageQuery {
  const one = new URLSearchParams(search)
  one.set('limit', String(Math.min(limit, pageRowsMax)))
  for (const option of ['order', 'cursor'] as const) {
    const value = args.text(option)
    if (value !== undefined) one.set(option, value)
  }
  // With text to search, counting would read every row of the window.
  if (args.flag('count') && !search.has('q')) one.set('total', 'exact')
  return accepted(parsePageQuery(one, stream, world.clock.nowMicros()))
}

interface Shown {
  readonly rows: number
  readonly isCut: boolean
  readonly states: ReadonlySet<VerificationState>
}

interface Listing {
  readonly rows: AsyncIterable<ReaderRow>
  readonly streamsAsked: readonly StreamName[]
  readonly limit: number
  readonly shape: Shape
}

async function printRows(
  { rows, streamsAsked, limit, shape }: Listing,
  args: Args,
  world: World,
): Promise<Shown> {
  const print = printerOf(shape, args, world)
  const [first] = streamsAsked
  if (shape === 'csv' && first !== undefined) await world.out.write(csvHeader(first))
  let shown = 0
  const states = new Set<VerificationState>()
  for await (const row of rows) {
    if (world.signal.aborted) break
    if (shown >= limit) return { rows: shown, isCut: true, states }
    await world.out.write(print(row))
    shown++
    states.add(row.verification)
  }
  return { rows: shown, isCut: false, states }
}

function printerOf(shape: Shape, args: Args, world: World): (row: ReaderRow) => string {
  if (shape === 'json') return (row) => `${jsonLine(row)}\n`
  // Spreadsheets obey bidirectional marks as terminals do, so what is shown for people is made visible here too.
  if (shape === 'csv') return (row) => visibleLines(csvLine(row, row.stream))
  const print = rowPrinter(world.out.look, { hasCitation: args.flag('cite') })
  return (row) => `${print(row).join('\n')}\n`
}

interface Outcome {
  readonly shown: Shown
  readonly limit: number
  readonly firstPages: readonly Page[]
  readonly wanted: readonly StreamName[]
  readonly isSearchBounded: boolean
  readonly shape: Shape
}

/** What the list does not say by itself, on stderr: how many of how many, from where, and how to see the rest. */
async function notes(
  { shown, limit, firstPages, wanted, isSearchBounded, shape }: Outcome,
  world: World,
): Promise<void> {
  const total = totalText(firstPages)
  const where = [...new Set(firstPages.map((page) => page.completeness))].join(', ')
  const amount =
    shown.isCut && total !== null ? `${grouped(shown.rows)} of ${total} rows` : counted(shown.rows, 'row')
  const parts = [`${amount} (${wanted.join(', ')}; from ${where})`]
  if (isSearchBounded) parts.push('text is searched in the last 24 hours; look further with --since')
  if (shown.isCut) parts.push('see more with --limit or --all')
  const cursor = wanted.length === 1 && limit <= pageRowsMax ? firstPages[0]?.next_cursor : null
  // People raise the limit; programs turn pages.
  if (shown.isCut && typeof cursor === 'string' && !world.out.isTerminal)
    parts.push(`next page: --cursor ${cursor}`)
  if (shape === 'lines' && shown.rows > 0 && world.err.isTerminal) parts.push(markLegend(shown.states))
  if (firstPages.some((page) => page.completeness === 'store-degraded')) {
    parts.push('the writer holds rows it could not store; see fasten doctor')
  }
  await world.err.lines(parts.map((part) => world.err.look.paint('quiet', part)))
}

function totalText(pages: readonly Page[]): string | null {
  if (pages.some((page) => page.total === null)) return null
  const total = pages.reduce((sum, page) => sum + (page.total ?? 0), 0)
  if (pages.some((page) => page.total_kind === 'at_least')) return `at least ${grouped(total)}`
  return pages.some((page) => page.total_kind === 'estimated') ? `about ${grouped(total)}` : grouped(total)
}

async function count(
  queries: readonly PageQuery[],
  reader: { page(query: PageQuery): Promise<Page> },
  world: World,
): Promise<number> {
  for (const query of queries) {
    const page = await reader.page({ ...query, limit: 1 })
    const total = page.total === null ? await countByReading(query, reader) : page.total
    await world.out.line(queries.length === 1 ? String(total) : `${query.stream} ${total}`)
  }
  return exitCodes.ok
}

async function countByReading(
  query: PageQuery,
  reader: { page(query: PageQuery): Promise<Page> },
): Promise<number> {
  let rows = 0
  let cursor: string | null | undefined
  do {
    const page: Page = await reader.page({
      ...query,
      limit: pageRowsMax,
      ...(typeof cursor === 'string' ? { cursor } : {}),
    })
    rows += page.rows.length
    cursor = page.next_cursor
  } while (cursor !== null)
  return rows
}
