// SPDX-License-Identifier: Apache-2.0
import { formatMicros, parseTime, streams, type StreamName } from 'fasten/core'
import { z } from 'zod'
import type { RefusedRow } from '../seal-arrivals.ts'
import { chainsState, createChains, type Chains } from './chains.ts'
import { mapPublishedRows } from './map-published-rows.ts'
import { PullError } from './pull-error.ts'
import { missing, type PullOutcome, type PullRun } from './pull-run.ts'
import { numberOf, readTokens, rowsIn, textOf } from './read-tokens.ts'

/** A walk from the newest row back to those that are known. */
const walk = z.strictObject({
  /** Not further back than this; null for all there is. */
  since: z.string().nullable(),
  until: z.string().nullable(),
  /** Rows of `until` itself that were seen. */
  offset: z.number(),
  /** To its end, whatever is known already: for rows that came late. */
  isDeep: z.boolean(),
  newest: z.string().nullable(),
})
const place = z.strictObject({
  /** Time of the newest row of all walks that are over. */
  newest: z.string().nullable(),
  /** Microseconds: when a deep walk began last. */
  deep_at: z.number(),
  walk: walk.nullable(),
})
const cursorSchema = z.strictObject({
  form: z.literal('published'),
  places: z.partialRecord(z.enum(streams), place),
  chains: chainsState,
})
type Cursor = z.output<typeof cursorSchema>
type Walk = z.output<typeof walk>

/**
 * Takes what is new from a reader of the published SDKs. It shows the newest rows first, in windows of time, and its other cursors skip rows where several nodes write
 * (they name a number that each node counts for itself); so each look walks back from the newest row until a whole page is known, and every few minutes
 * further back, for rows that were stored late. Rows come more than once that way, and are told apart by id, or by all that they say.
 */
export async function pullPublished(run: PullRun): Promise<PullOutcome> {
  const kept = cursorSchema.safeParse(run.cursor)
  let cursor: Cursor = kept.success ? kept.data : { form: 'published', places: {}, chains: {} }
  for (const stream of run.settings.streams) {
    for (let isOpen = true; isOpen;) {
      if (run.isOver()) return 'more'
      cursor = await takePage(run, stream, cursor)
      isOpen = cursor.places[stream]?.walk !== null
    }
  }
  return 'done'
}

async function takePage(run: PullRun, stream: StreamName, cursor: Cursor): Promise<Cursor> {
  const now = run.nowMicros()
  const before = cursor.places[stream] ?? { newest: null, deep_at: 0, walk: null }
  const current = before.walk ?? walkFrom(before, now)
  const { since, until, offset } = current
  const search = new URLSearchParams({ limit: String(pageRows) })
  if (since !== null) search.set('since', since)
  if (until !== null) search.set('until', until)
  if (offset > 0) search.set('offset', String(offset))
  const page = readTokens(await run.ask.text(`/${stream}`, search))
  const found = rowsIn(page)
  const chains = createChains(cursor.chains, 1)
  const mapped = mapPublishedRows(found, stream, chains)
  const times = found.flatMap((row) => timeOf(textOf(row, 'timestamp')) ?? []).sort()
  const [oldest, newest] = [times[0], times.at(-1)]
  if (until !== null && newest !== undefined && newest > until)
    throw new PullError('BAD_ANSWER', 'it gives rows from outside of the window that was asked for')

  const top = current.newest ?? newest ?? null
  const isFull = found.length >= Math.min(pageRows, numberOf(page, 'limit') ?? pageRows)
  const step = isFull && oldest !== undefined ? stepBack(stream, current, oldest, found.length) : undefined
  const further = step?.walk === undefined ? null : { ...step.walk, newest: top }
  // Whether the page was known, only storing it tells: the cursor of the next page is right in both cases, and the walk is ended below.
  const at = (of: Walk | null): Cursor => ({
    ...cursor,
    places: {
      ...cursor.places,
      [stream]: {
        newest: of === null ? later(before.newest, top) : before.newest,
        deep_at: current.isDeep && before.walk === null ? now : before.deep_at,
        walk: of,
      },
    },
    chains: chains.state(),
  })
  const refused = [
    ...mapped.refused,
    ...(step?.refused ?? []),
    ...(further === null ? holesOf(chains, current) : []),
  ]
  const { stored } = await run.commit({ rows: mapped.rows, refused, cursor: at(further) })
  if (further === null || current.isDeep || stored > 0) return at(further)
  await run.commit({ rows: [], refused: [], cursor: at(null) })
  return at(null)
}

function walkFrom(
  { newest, deep_at }: { readonly newest: string | null; readonly deep_at: number },
  now: number,
): Walk {
  // A clock there that is ahead must not move the window beyond what comes next.
  const known = newest === null ? undefined : Math.min(parseTime(newest, now) ?? now, now)
  return {
    since: known === undefined ? null : formatMicros(Math.max(0, known - overlapMicros)),
    until: null,
    offset: 0,
    isDeep: known === undefined || Math.abs(now - deep_at) > overlapMicros / 2,
    newest: null,
  }
}

/** The next page back. Rows of one microsecond that are more than a page are asked for by offset, which only audit rows can be. */
function stepBack(
  stream: StreamName,
  current: Walk,
  oldest: string,
  rows: number,
): { readonly walk: Walk; readonly refused: readonly RefusedRow[] } {
  if (oldest !== current.until) return { walk: { ...current, until: oldest, offset: 0 }, refused: [] }
  if (stream === 'audit') return { walk: { ...current, offset: current.offset + rows }, refused: [] }
  const micros = parseTime(oldest, 0) ?? 0
  return {
    walk: { ...current, until: formatMicros(Math.max(0, micros - 1)), offset: 0 },
    refused: [
      {
        code: 'ROWS_MISSING',
        message: `it has more than ${pageRows} ${stream} rows of ${oldest}, and shows no more of them`,
        sent: Buffer.from(oldest),
      },
    ],
  }
}

/** Rows between others of their node that did not come though everything around them was walked through: told once, after a deep walk. */
function holesOf(chains: Chains, { isDeep }: Walk): readonly RefusedRow[] {
  if (!isDeep) return []
  return chains
    .takeHoles()
    .filter(({ chain }) => chain.startsWith('node '))
    .slice(0, 20)
    .map(missing)
}

const later = (one: string | null, other: string | null): string | null =>
  one === null || (other !== null && other > one) ? other : one

function timeOf(text: string | undefined): string | undefined {
  const micros = text === undefined ? undefined : parseTime(text, Number.NaN)
  return micros === undefined || !Number.isFinite(micros) ? undefined : formatMicros(micros)
}

const pageRows = 1_000
/** How far behind the newest row others may still come: their queue gives a row up after some forty minutes. */
const overlapMicros = 3_600 * 1_000_000
