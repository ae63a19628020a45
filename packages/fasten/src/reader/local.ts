// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import type { Digest } from '../core/digest.ts'
import { streams, type StreamName } from '../core/row.ts'
import type {
  ListedLog,
  RowSource,
  ScanFilter,
  SourceSummary,
  StoreDescription,
  StoredRow,
} from '../store/ports.ts'
import type { KeyRing } from '../store/privacy/key-ring.ts'
import { createOpener } from '../store/privacy/opener.ts'
import type { Sources } from '../store/sources.ts'
import { disclosuresOf, withLookups, type ShownDisclosures } from './disclosures.ts'
import { localDoctor } from './local-doctor.ts'
import { verifyLogs } from './local-verify.ts'
import { expiredRow } from './expired-row.ts'
import { canMatch } from './parameters.ts'
import { readPage } from './pager.ts'
import type { Completeness, ExpiredRow, Page, Reader, ReaderRow, TailEvent, TailQuery } from './reader.ts'
import { createRowJudge } from './row-judge.ts'
import { follow, type FollowedBatch } from './tail.ts'
import { readThread } from './thread.ts'

export interface LocalReaderOptions {
  readonly sources: Sources
  readonly digest: Digest
  readonly clock: Pick<Clock, 'nowMicros'>
  /** Calls `wake` whenever a row was stored or ringed in this process, so that a tail need not wait for its next look. */
  readonly onChange?: (wake: () => void) => () => void
  /** Shortest and longest pause of an idle tail in ms, default 50 and 1,000. Raising them makes tails later and cheaper. */
  readonly pollMsMin?: number
  readonly pollMsMax?: number
  /**
   * Keys for personal data. With them, `verify` checks each value against its row, and filters find sealed actors. Values are shown
   * only if `discloses` is true as well: for whoever has the permission `audit:disclose`.
   */
  readonly ring?: KeyRing
  readonly discloses?: boolean
  /** What `close` gives back; a reader of a running instance has nothing to give back. */
  readonly release?: () => Promise<void>
}

/**
 * A reader over the stores and rings of this machine.
 *
 * Verification of `page`, `row`, `thread` and `tail`: a row is `verified` when this answer recomputed its hash from its leaf,
 * compared its columns with its leaf, and found its `prev_hash` to be the hash of its predecessor; `broken` when one of these
 * fails; `chained` when the predecessor is not there, or judging had reached its bounds (row-judge.ts); `ring` when the row was
 * never hashed.
 *
 * `close` ends running tails and calls `release`. Source: spec/query.md.
 */
export function localReader(options: LocalReaderOptions): Reader {
  const { sources, digest, clock, pollMsMin = 50, pollMsMax = 1000 } = options
  const ring = options.ring ?? null
  const [checker, shower] = [createOpener(ring), createOpener(options.discloses === true ? ring : null)]
  const closing = new AbortController()
  const judge = createRowJudge(digest)
  const descriptions = new Map<RowSource, Promise<StoreDescription>>()
  const sourceOf = (stream: StreamName): RowSource => sources.streams[stream]

  /** What a source is does not change while it is open; its counts do, and are not read from here. */
  const describe = (source: RowSource): Promise<StoreDescription> => {
    const known = descriptions.get(source)
    if (known !== undefined) return known
    const asked = source.describe()
    descriptions.set(source, asked)
    // A store that could not be asked may answer next time.
    asked.catch(() => descriptions.delete(source))
    return asked
  }
  const isDurable = async (stream: StreamName): Promise<boolean> =>
    (await describe(sourceOf(stream))).isDurable
  const completeness = async (stream: StreamName): Promise<Completeness> => {
    if (!(await isDurable(stream))) return 'ring'
    return sources.status?.().isDegraded === true ? 'store-degraded' : 'store'
  }
  const show = async (source: RowSource, rows: readonly StoredRow[]): Promise<readonly ReaderRow[]> => {
    const states = await judge(source, rows)
    const disclosures = await disclosuresOf(source, rows, shower, digest)
    return rows.map((stored, index) => readerRow(stored, states[index] ?? 'chained', disclosures[index]))
  }

  type Found = { readonly source: RowSource; readonly stored: StoredRow }
  const rowById = async (id: string): Promise<Found | undefined> => {
    for (const stream of streams) {
      const source = sourceOf(stream)
      const [stored] = await source.scan({ stream, filter: { id }, order: 'stored', limit: 1 })
      if (stored !== undefined) return { source, stored }
    }
    return undefined
  }
  const rowByPlace = async (log: string, seq: number): Promise<Found | ExpiredRow | undefined> => {
    for (const source of distinct(sources)) {
      const stream = (await source.heads()).find((head) => head.log === log)?.stream
      if (stream === undefined) continue
      for await (const { monotonic_seq, columns, leaf, hash } of source.evidence(log, seq)) {
        // Rows that lie at no place come before all others.
        if (monotonic_seq < seq) continue
        const id = columns['id']
        if (monotonic_seq === seq && leaf === null && hash !== null)
          return (await expiredRow(source, stream, { log, monotonic_seq, hash })) ?? undefined
        if (monotonic_seq !== seq || typeof id !== 'string') break
        const rows = await source.scan({ stream, filter: { id, log }, order: 'stored', limit: 10 })
        const stored = rows.find(({ row }) => row.monotonic_seq === seq)
        return stored && { source, stored }
      }
    }
    return undefined
  }

  const reader: Reader = {
    async page(query, signal): Promise<Page> {
      const source = sourceOf(query.stream)
      if (!canMatch(query.stream, query.filter))
        return { ...nothing, completeness: await completeness(query.stream) }
      const page = await readPage(source, { ...query, filter: forStore(query.filter, ring) }, digest, signal)
      return { ...page, rows: await show(source, page.rows), completeness: await completeness(query.stream) }
    },
    thread: async (requestId, limit, signal) =>
      readThread((query) => reader.page(query, signal), requestId, limit),
    async row(ref) {
      const found = 'id' in ref ? await rowById(ref.id) : await rowByPlace(ref.log, ref.monotonic_seq)
      if (found === undefined || 'swept_by' in found) return found ?? null
      return (await show(found.source, [found.stored]))[0] ?? null
    },
    tail(query, signal) {
      const parts = {
        sourceOf,
        isDurable,
        digest,
        pollMsMin,
        pollMsMax,
        ...(options.onChange === undefined ? {} : { onChange: options.onChange }),
      }
      const until = AbortSignal.any([signal, closing.signal])
      return showFollowed(
        follow({ ...query, filter: forStore(query.filter, ring) }, parts, until),
        show,
        until,
        query.onPlace,
      )
    },
    verify: async (range, signal, trust, onRead) =>
      verifyLogs(distinct(sources), range, digest, signal, trust, checker, onRead),
    async logs() {
      const heads: ListedLog[] = []
      for (const source of distinct(sources)) {
        const shipped = new Map(((await source.shipped?.()) ?? []).map((each) => [each.log, each]))
        for (const head of await source.heads()) {
          const { size, at = null } = shipped.get(head.log) ?? {}
          heads.push({
            ...head,
            ...(size === undefined ? {} : { shipped_size: size }),
            ...(at === null ? {} : { shipped_at: at }),
          })
        }
      }
      return heads.sort((one, other) => (one.log < other.log ? -1 : 1))
    },
    async topology(since, until) {
      const summaries: SourceSummary[] = []
      for (const stream of streams) summaries.push(...(await sourceOf(stream).summary(stream, since, until)))
      return joinSummaries(summaries)
    },
    doctor: async () => localDoctor(reader, sources, clock),
    async close() {
      closing.abort()
      await options.release?.()
    },
  }
  return reader
}

const nothing = { rows: [], next_cursor: null, total: 0, total_kind: 'exact' } as const

async function* showFollowed(
  batches: AsyncIterable<FollowedBatch>,
  show: (source: RowSource, rows: readonly StoredRow[]) => Promise<readonly ReaderRow[]>,
  signal: AbortSignal,
  onPlace: TailQuery['onPlace'],
): AsyncGenerator<TailEvent> {
  for await (const { place, rows: followed } of batches) {
    if (signal.aborted) return
    const shown = new Map<StoredRow, ReaderRow>()
    for (const [source, group] of Map.groupBy(followed, (one) => one.source)) {
      const stored = group.map((one) => one.stored)
      const rows = await show(source, stored)
      for (const [index, one] of stored.entries()) if (rows[index] !== undefined) shown.set(one, rows[index])
    }
    for (const { id, stored } of followed) {
      const row = shown.get(stored)
      if (signal.aborted) return
      if (row !== undefined) yield { id, row }
    }
    if (followed.length === 0) onPlace?.(place)
  }
}

/**
 * A filter as stores take it: they look for `text` in the leaf, where a backslash is written twice. Quotes are left alone, so
 * that both words of a value and a piece of JSON such as `"qty":3` are found.
 */
function forStore(given: ScanFilter, ring: KeyRing | null): ScanFilter {
  const filter = ring === null ? given : withLookups(given, ring)
  return filter.text === undefined ? filter : { ...filter, text: filter.text.replaceAll('\\', '\\\\') }
}

/** Each store once, however many streams it holds. */
function distinct(sources: Sources): readonly RowSource[] {
  return [...new Set(streams.map((stream) => sources.streams[stream]))]
}

/** The row as surfaces show it: the leaf's members, then what stands outside the leaf. */
function readerRow(
  { row, hash }: StoredRow,
  verification: ReaderRow['verification'],
  disclosures: ShownDisclosures | undefined,
): ReaderRow {
  const shown = { ...row, hash, verification, ...(disclosures === undefined ? {} : { disclosures }) }
  return row.stream === 'api' && Number.isFinite(row.duration_us)
    ? { ...shown, duration_ms: Math.round(row.duration_us / 1000) }
    : shown
}

/** One entry for each source, over all streams; the busiest first. */
function joinSummaries(summaries: readonly SourceSummary[]): readonly SourceSummary[] {
  const byKey = Map.groupBy(summaries, (one) =>
    JSON.stringify([one.source_node_id, one.service_id, one.tenant_id]),
  )
  const joined = Array.from(byKey.values(), (group) =>
    group.reduce((sum, one) => ({
      ...sum,
      rows: sum.rows + one.rows,
      first_seen: one.first_seen < sum.first_seen ? one.first_seen : sum.first_seen,
      last_seen: one.last_seen > sum.last_seen ? one.last_seen : sum.last_seen,
    })),
  )
  return joined.sort((one, other) => other.rows - one.rows || (one.last_seen < other.last_seen ? 1 : -1))
}
