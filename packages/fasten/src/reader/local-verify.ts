// SPDX-License-Identifier: Apache-2.0
import { trustNobody, type Trust } from '../core/anchor.ts'
import { genesis } from '../core/chain.ts'
import type { Digest } from '../core/digest.ts'
import { createEmissionTally, type EmissionTally } from '../core/emission.ts'
import { logName, parseLogName } from '../core/log-name.ts'
import { readJson } from '../core/read-json.ts'
import type { LogVerdict, Verdict } from '../core/verdict.ts'
import {
  combineVerdicts,
  createLogVerifier,
  type Evidence,
  type LogVerifier,
  type RowPlace,
} from '../core/verify.ts'
import type { JsonObject } from '../core/row.ts'
import type { EvidenceRow, LogHead, RowSource } from '../store/ports.ts'
import { createOpener, type Opener } from '../store/privacy/opener.ts'
import { startAnchoring } from './anchoring.ts'
import { createRowsBeyondHead } from './beyond-head.ts'
import { disclosuresSweptCode, sweptCode, type Swept } from '../core/swept.ts'
import { isSpokenForBy, sweepsOf } from './expired-row.ts'
import type { VerifyRange } from './reader.ts'
import { noLog } from './verdicts.ts'

/** Rows checked between two turns of the event loop: a few milliseconds of hashing. */
const turnRows = 1_000

/**
 * Checks every log in `range` row by row, in constant memory, against the head its store recorded. Ring streams hold no
 * chained rows and are named in the notes. An empty range is INCOMPLETE, never PASS.
 *
 * Where the range is everything there is, the verdict also counts the rows that were emitted and are not here
 * (core/emission.ts). Rows that were stored while it looked are no gap.
 *
 * `onRead` is told at once, and then again and again, how many further rows were read.
 */
export async function verifyLogs(
  stores: readonly RowSource[],
  range: VerifyRange,
  digest: Digest,
  signal?: AbortSignal,
  trust: Trust = trustNobody,
  opener: Opener = createOpener(null),
  onRead: (rows: number) => void = () => {},
): Promise<Verdict> {
  onRead(0)
  const look = (erasures: Erasure[], heads: readonly LogHead[], told: ToldOfReplicas): Look => ({
    range,
    digest,
    tally,
    signal,
    trust,
    opener,
    onRead,
    erasures,
    heads,
    told,
  })
  const verdicts: LogVerdict[] = []
  const notes: string[] = []
  let isPartial = false
  const tally = Object.values(range).every((bound) => bound === undefined) ? createEmissionTally() : undefined
  const known: { readonly source: RowSource; readonly heads: readonly LogHead[] }[] = []
  // All heads before any row: what is stored later is nobody's gap, and it takes least time to look at again.
  for (const source of stores) known.push({ source, heads: await source.heads() })
  const everywhere = new Set(known.flatMap(({ heads }) => heads.map(({ log }) => log)))
  for (const { source, heads } of known) {
    const { isDurable, unread = [] } = await source.describe()
    if (heads.length === 0 && !isDurable)
      notes.push('rows of rings are neither stored nor chained, so they were not checked')
    if (range.log === undefined) {
      isPartial ||= unread.length > 0
      for (const table of unread)
        notes.push(
          `the table "${table}" is in the same place and was not checked: name it with ?table=${table}`,
        )
    }
    const erasures: Erasure[] = []
    const told: ToldOfReplicas = new Map()
    // Logs that are written here first: what was let go of copies is told there. Successors first: an erasure that was applied again after a store went back in time is told there.
    for (const head of newestFirst(heads)) {
      if (!isIn(range, head)) continue
      verdicts.push(await verifyLog(source, head, look(erasures, heads, told)))
    }
    for (const head of await vanishedLogs(source, everywhere, trust)) {
      if (isIn(range, head)) verdicts.push(await verifyLog(source, head, look([], heads, told)))
    }
    for (const verdict of (await source.legacyVerdicts?.(digest)) ?? [])
      if (isIn(range, { log: verdict.log, stream: 'audit' })) verdicts.push(verdict)
  }
  if (tally !== undefined)
    for (const { source, heads } of known) await tallyLater(source, heads, tally, signal)
  if (verdicts.length === 0) notes.push(noLog(range.log))
  const emission = tally?.result()
  const verdict = combineVerdicts(
    verdicts.sort((one, other) => (one.log < other.log ? -1 : 1)),
    [...new Set(notes)],
    // Rows of forms 1 and 2 carry no such number.
    emission?.boots === 0 ? undefined : emission,
  )
  // Nobody may think that all is well with rows that nobody looked at.
  return isPartial && verdict.verdict === 'PASS' ? { ...verdict, verdict: 'INCOMPLETE' } : verdict
}

/**
 * Logs that checkpoints speak of, in the store or kept elsewhere, and that the store does not have: deleted, rows, head and all.
 * They are added to `known`, the logs of all stores, so that none is told twice.
 */
async function vanishedLogs(
  source: RowSource,
  known: Set<string>,
  trust: Trust,
): Promise<readonly LogHead[]> {
  const stored = (await source.checkpoints?.({})) ?? []
  const { streams } = await source.describe()
  const named = [
    ...stored.map(({ log }) => log),
    ...trust.kept.map(({ note }) => note.split('\n', 1)[0] ?? ''),
  ]
  return named.flatMap((log) => {
    const stream = parseLogName(log)?.stream
    if (stream === undefined || known.has(log) || !streams.includes(stream)) return []
    known.add(log)
    return [{ log, stream, size: 0, head_hash: genesis }]
  })
}

function isIn({ log, stream }: VerifyRange, head: Pick<LogHead, 'log' | 'stream'>): boolean {
  return (log === undefined || head.log === log) && (stream === undefined || head.stream === stream)
}

function newestFirst(heads: readonly LogHead[]): readonly LogHead[] {
  const generation = ({ log }: LogHead): number => parseLogName(log)?.generation ?? 1
  const copies = ({ isReplica }: LogHead): number => (isReplica === true ? 1 : 0)
  return heads.toSorted((one, other) => copies(one) - copies(other) || generation(other) - generation(one))
}

interface Look {
  readonly range: VerifyRange
  readonly digest: Digest
  readonly tally: EmissionTally | undefined
  readonly signal: AbortSignal | undefined
  readonly trust: Trust
  readonly opener: Opener
  readonly onRead: (rows: number) => void
  /** SUBJECT_ERASED rows found so far; added to. */
  readonly erasures: Erasure[]
  /** Of all logs of the source. */
  readonly heads: readonly LogHead[]
  /** Filled by the logs that were read whole. */
  readonly told: ToldOfReplicas
}

/** What the rows of each log that is written here say was let go of copies. */
type ToldOfReplicas = Map<string, readonly { readonly swept: Swept; readonly isSigned: boolean }[]>

/** An account of what was erased, by a row of `log`. */
interface Erasure {
  readonly log: string
  readonly detail: JsonObject
  readonly place: RowPlace
  /** Whether a checkpoint covers the row; known once its log is finished. */
  isSigned: boolean
}

async function verifyLog(source: RowSource, head: LogHead, look: Look): Promise<LogVerdict> {
  const { digest, tally, signal, trust, opener, erasures } = look
  const { from_seq: from = 0, to_seq: to } = look.range
  const anchoring = await startAnchoring(source, head, { from, trust })
  // Another log has no say in what is gone from this one, unless it continues it.
  const elsewhere = erasures.filter(
    ({ log, detail }) => detail['log'] === head.log && isContinued(head.log, log),
  )
  const found: Erasure[] = []
  const ofReplicas: { readonly swept: Swept; readonly place: RowPlace }[] = []
  const verifier = createLogVerifier({
    log: head.log,
    head,
    digest,
    ...(head.isReplica === true ? { isReplica: true } : {}),
    from_seq: from,
    ...(to === undefined ? {} : { to_seq: to }),
    ...(tally === undefined ? {} : { onEmission: tally.add }),
    erasures: elsewhere.map(({ detail }) => detail),
    onErasure: (detail, place) => found.push({ log: head.log, detail, place, isSigned: false }),
    ...(head.isReplica === true
      ? {}
      : { onReplicaSwept: (swept: Swept, place: RowPlace) => ofReplicas.push({ swept, place }) }),
    onHash: anchoring.onHash,
  })
  const beyond = createRowsBeyondHead()
  let sinceTurn = 0
  for await (const row of source.evidence(head.log, Math.max(0, from - 1), to)) {
    if (row.monotonic_seq > (to ?? Infinity)) break
    if (row.monotonic_seq >= head.size) beyond.add(row)
    else verifier.push(withOpened(row, opener))
    if (++sinceTurn < turnRows) continue
    look.onRead(sinceTurn)
    sinceTurn = 0
    await nextTurn(signal)
  }
  look.onRead(sinceTurn)
  // A writer may have stored rows since the head was read. It moves the head in the same transaction, so a row that even
  // the head of now does not cover was put there by somebody else.
  if (!beyond.isEmpty)
    for (const row of beyond.from(await sizeOf(source, head))) verifier.push(withOpened(row, opener))
  // Rows of the range that are gone may be explained by a sweep behind it.
  if (to !== undefined && verifier.unexplained() > 0) await pushSweeps(source, head, to, verifier)
  let unsignedSweeps = 0
  if (verifier.unexplained() > 0)
    for (const { swept, isSigned } of await toldOf(source, head, look))
      if (verifier.explainReplica(swept.runs) > 0 && !isSigned) unsignedSweeps++
  const verdict = verifier.finish()
  const unsigned = [
    ...elsewhere.filter(({ isSigned, detail }) => !isSigned && verifier.needs(detail)),
    ...Array.from({ length: unsignedSweeps }, () => nowhere),
  ]
  const judged = await anchoring.finish(verdict, [...verifier.explaining(), ...unsigned.map(() => nowhere)])
  for (const erasure of found) erasures.push({ ...erasure, isSigned: anchoring.covers(erasure.place) })
  if (from === 0 && to === undefined)
    look.told.set(
      head.log,
      ofReplicas.map(({ swept, place }) => ({ swept, isSigned: anchoring.covers(place) })),
    )
  return judged
}

/**
 * What logs that are written here say was let go of a copy. They are read whole where they were not yet: there are few, and a row is believed
 * for its place in its log.
 */
async function toldOf(
  source: RowSource,
  head: LogHead,
  look: Look,
): Promise<readonly { readonly swept: Swept; readonly isSigned: boolean }[]> {
  if (head.isReplica !== true) return []
  const all: { readonly swept: Swept; readonly isSigned: boolean }[] = []
  for (const own of look.heads) {
    if (!isSpokenForBy(head, own)) continue
    if (!look.told.has(own.log))
      await verifyLog(source, own, { ...look, range: {}, tally: undefined, erasures: [], onRead: () => {} })
    all.push(...(look.told.get(own.log) ?? []).filter(({ swept }) => swept.log === head.log))
  }
  return all
}

/** Stands for a row of another log that no checkpoint covers. */
const nowhere: RowPlace = { seq: Infinity, hash: '' }

/** Whether `later` is a later generation of `log`. */
function isContinued(log: string, later: string): boolean {
  const [one, other] = [parseLogName(log), parseLogName(later)]
  if (one === undefined || other === undefined) return false
  const base = logName({ ...one, generation: 1 })
  return base === logName({ ...other, generation: 1 }) && (other.generation ?? 1) > (one.generation ?? 1)
}

/** The row with its personal values opened, as far as somebody here has their keys. */
function withOpened(
  { personal, ...rest }: Omit<Evidence, 'disclosures'> & Pick<EvidenceRow, 'personal'>,
  opener: Opener,
): Evidence {
  if (personal === undefined) return rest
  const rowId = String(rest.columns['id'])
  return {
    ...rest,
    disclosures: personal.map((sealed) => {
      const { state, text } = opener.open(rowId, sealed)
      const { pointer, key_id } = sealed
      if (state === 'disclosed' && text !== undefined) return { pointer, key_id, state: 'opened', text }
      return { pointer, key_id, state: state === 'sealed' || state === 'damaged' ? state : 'gone' }
    }),
  }
}

/** The rows behind `to` that tell of sweeps, in the order of their numbers; there are few. */
async function pushSweeps(
  source: RowSource,
  head: LogHead,
  to: number,
  verifier: LogVerifier,
): Promise<void> {
  for (const code of [sweptCode, disclosuresSweptCode] as const)
    for await (const { row, leaf, hash } of sweepsOf(source, head.stream, head.log, code)) {
      if (verifier.unexplained() === 0) return
      if (row.monotonic_seq <= to || leaf === null) continue
      verifier.push({ monotonic_seq: row.monotonic_seq, leaf: encoder.encode(leaf), hash, columns: {} })
    }
}

const encoder = new TextEncoder()

async function sizeOf(source: RowSource, { log, size }: LogHead): Promise<number> {
  const now = (await source.heads()).find((head) => head.log === log)
  return Math.max(size, now?.size ?? 0)
}

/**
 * While one log was read, rows went into others, so a row can seem to be missing that was only stored behind our back. Looks
 * through what was stored since `before`, until no gap is left.
 */
async function tallyLater(
  source: RowSource,
  before: readonly LogHead[],
  tally: EmissionTally,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (tally.missing() === 0) return
  const sizes = new Map(before.map(({ log, size }) => [log, size]))
  for (const { log, size } of await source.heads()) {
    const from = sizes.get(log) ?? 0
    if (from >= size) continue
    let sinceTurn = 0
    for await (const row of source.evidence(log, from, size - 1)) {
      const emitted = row.monotonic_seq < from ? undefined : emittedAs(row)
      if (emitted !== undefined) tally.fill(emitted.boot_id, emitted.boot_seq)
      if (++sinceTurn < turnRows) continue
      sinceTurn = 0
      if (tally.missing() === 0) return
      await nextTurn(signal)
    }
  }
}

function emittedAs({ leaf }: EvidenceRow): { boot_id: string; boot_seq: number } | undefined {
  try {
    const row: unknown = readJson(new TextDecoder().decode(leaf ?? undefined))
    const { boot_id, boot_seq } = (row ?? {}) as Readonly<Record<string, unknown>>
    return typeof boot_id === 'string' && typeof boot_seq === 'number' ? { boot_id, boot_seq } : undefined
  } catch (error) {
    // A row that was damaged this very moment fills no gap; the next verification names it.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

async function nextTurn(signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  await new Promise((resolve) => setTimeout(resolve, 0))
}
