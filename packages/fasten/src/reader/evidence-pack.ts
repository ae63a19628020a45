// SPDX-License-Identifier: Apache-2.0
import { canonicalize, isCanonical } from '../core/canonical.ts'
import type { Digest } from '../core/digest.ts'
import { decodeUtf8, toBase64 } from '../core/octets.ts'
import { readJson } from '../core/read-json.ts'
import type { JsonValue, StreamName } from '../core/row.ts'
import { logName, parseLogName } from '../core/log-name.ts'
import { formatTlogProof } from '../core/tlog-proof.ts'
import { disclosuresSweptCode, isInDetail, sweptCode } from '../core/swept.ts'
import { formatCheckpointRequest } from '../core/witness.ts'
import {
  consistencyPlan,
  createNodeCollector,
  inclusionPlan,
  proofFrom,
  subtreesOf,
  type NodeCollector,
} from '../core/tree-proof.ts'
import type { EvidenceRow, LogHead, RowSource, ScanFilter, StoredCheckpoint } from '../store/ports.ts'
import type { Opener } from '../store/privacy/opener.ts'

/** Which rows a pack is to hold. */
export interface PackQuestion {
  /** One log; every log of the sources when absent. */
  readonly log?: string
  /** First row of each log. Default 0. */
  readonly fromSeq?: number
  /** Last row of each log, inclusive. Default: the newest that is signed for. */
  readonly toSeq?: number
  /** Only logs of these streams. Default: all. */
  readonly streams?: readonly StreamName[]
  /** Only rows that pass the filter of their stream: each is then proven by itself, and they are not shown to be all there are. */
  readonly filters?: Readonly<Partial<Record<StreamName, ScanFilter>>>
  /** Also rows that no checkpoint covers yet. A pack with them is INCOMPLETE. */
  readonly isWithTail?: boolean
  /** Sizes, by log, of checkpoints that the reader holds: the pack shows that it continues them. */
  readonly continues?: ReadonlyMap<string, readonly number[]>
  /** Puts personal values beside their rows, opened as far as it can. Default: none, and the pack says nothing of them. */
  readonly opener?: Opener
}

/** A piece of a file; pieces of one path belong one behind the other. */
export interface PackPiece {
  readonly path: string
  readonly bytes: Uint8Array
}

/** What a pack holds of one log. */
export interface PackedLog {
  readonly log: string
  readonly rows: number
  /** Rows that no checkpoint covers and that were left out. */
  readonly rowsLeftOut: number
  /** Rows that the checkpoint covers; null without one. */
  readonly anchored: number | null
}

/**
 * The files of an evidence pack (spec/pack.md), the same bytes for the same rows and checkpoints. Memory grows with 64 bytes for each row of
 * the largest range, or 2 kB for each selected row. Nothing is mended or left out because it is broken: a pack of a damaged log is
 * evidence of the damage.
 */
export async function* packFiles(
  sources: readonly RowSource[],
  question: PackQuestion,
  { digest, signal }: { readonly digest: Digest; readonly signal?: AbortSignal },
): AsyncGenerator<PackPiece, readonly PackedLog[]> {
  const asked: {
    readonly source: RowSource
    readonly head: LogHead
    readonly signed: readonly StoredCheckpoint[]
    readonly isAsked: boolean
  }[] = []
  for (const source of sources) {
    // Checkpoints first: a log only grows, so its head is then not behind them unless it was rolled back.
    const signed = await signedEnds(source, question)
    for (const head of await source.heads()) {
      if (question.streams?.includes(head.stream) === false) continue
      const isAsked = (question.log ?? head.log) === head.log
      // What is gone from a log may be accounted for in the one that continues it.
      if (isAsked || baseOf(head.log) === baseOf(question.log ?? ''))
        asked.push({ source, head, isAsked, signed: signed.get(head.log) ?? [] })
    }
  }
  asked.sort((one, other) => generationOf(one.head.log) - generationOf(other.head.log))
  asked.sort((one, other) => compareText(baseOf(one.head.log), baseOf(other.head.log)))
  const claims: JsonValue[] = []
  const packed: PackedLog[] = []
  const losing = new Set<string>()
  for (const { source, head, signed, isAsked } of asked) {
    if (!isAsked && !losing.has(baseOf(head.log))) continue
    const [checkpoint] = signed
    const at = claims.length
    const anchored = checkpoint?.size ?? 0
    const end = endOf(question, head, checkpoint)
    const from = Math.min(question.fromSeq ?? 0, end)
    const part = { source, head, digest, question, from, end, anchored, signal }
    const isRange = isAsked && question.filters === undefined
    const rows = isRange ? yield* rangeRows(part, at) : isAsked ? yield* selectedRows(part) : written()
    rows.hasGone ||= losing.has(baseOf(head.log))
    if (!isRange && rows.seqs.length === 0 && !rows.hasGone) continue
    const context = yield* contextRows(part, rows, isRange)
    if (!isRange && rows.seqs.length + context.length === 0) continue
    if (rows.hasGone) losing.add(baseOf(head.log))
    const outside = isRange ? context : [...rows.seqs, ...context]
    yield* proofs(part, at, outside, checkpoint)
    for (const { size, note } of signed) yield file(`checkpoints/${at}-${size}.checkpoint`, note)
    yield* continuations(part, at, signed)
    claims.push({ log: head.log, size: head.size, ...(isRange ? { from, to: end } : {}) })
    packed.push({
      log: head.log,
      rows: rows.seqs.length + context.length,
      rowsLeftOut: Math.max(0, Math.min(head.size, (question.toSeq ?? Infinity) + 1) - end),
      anchored: checkpoint?.size ?? null,
    })
  }
  yield json('logs.json', {
    format: 'fasten-pack/1',
    logs: claims,
    ...(question.opener === undefined ? {} : { disclosures: true }),
  })
  return packed
}

interface Part {
  readonly source: RowSource
  readonly head: LogHead
  readonly digest: Digest
  readonly question: PackQuestion
  readonly from: number
  /** Exclusive. */
  readonly end: number
  /** Size of the checkpoint, 0 without one. */
  readonly anchored: number
  readonly signal: AbortSignal | undefined
}

interface WrittenRows {
  readonly seqs: number[]
  /** Of a range, in order. */
  readonly hashes: string[]
  hasExpired: boolean
  /** A personal value is gone. */
  hasGone: boolean
  /** Personal values of a detail have expired. */
  hasExpiredDetail: boolean
}

const written = (): WrittenRows => ({
  seqs: [],
  hashes: [],
  hasExpired: false,
  hasGone: false,
  hasExpiredDetail: false,
})

/**
 * The checkpoints of each log that go into a pack, the newest first, which everything is proven against: the newest with
 * cosignatures, which are worth more, or without, of those that cover the rows that were asked for. Behind it the last of each
 * earlier day, which somebody may have kept.
 */
async function signedEnds(
  source: RowSource,
  { log, toSeq }: PackQuestion,
): Promise<ReadonlyMap<string, readonly StoredCheckpoint[]>> {
  const ends = new Map<string, readonly StoredCheckpoint[]>()
  for (const newest of (await source.checkpoints?.({})) ?? []) {
    if (log !== undefined && baseOf(newest.log) !== baseOf(log)) continue
    const all = (await source.checkpoints?.({ log: newest.log })) ?? [newest]
    const covering = all.filter(({ size }) => size > Math.min(toSeq ?? -1, newest.size - 1))
    const anchor = covering.find(({ cosignatures }) => cosignatures > 0) ?? newest
    const days = new Set([anchor.signed_at.slice(0, 10)])
    const older = all.filter(({ size, signed_at }) => {
      const day = signed_at.slice(0, 10)
      if (size >= anchor.size || days.has(day)) return false
      days.add(day)
      return true
    })
    ends.set(newest.log, [anchor, ...older.slice(0, olderMax)])
  }
  return ends
}

/** A year of them. */
const olderMax = 366

/** From each older checkpoint, and from each size that the reader holds one of, the path to the next larger one. */
async function* continuations(
  part: Part,
  at: number,
  signed: readonly StoredCheckpoint[],
): AsyncGenerator<PackPiece> {
  const held = part.question.continues?.get(part.head.log) ?? []
  const sizes = new Set([...signed.slice(1).map(({ size }) => size), ...held])
  const plans = [...sizes].flatMap((size) => {
    const next = signed.findLast((each) => each.size > size)
    return next === undefined ? [] : [{ size, next, plan: consistencyPlan(size, next.size) }]
  })
  if (plans.length === 0) return
  const nodes = await collect(
    part,
    plans.flatMap(({ plan }) => plan),
    part.anchored,
  )
  for (const { size, next, plan } of plans.sort((one, other) => one.size - other.size)) {
    const path = proofFrom(plan, nodes.nodeAt, part.digest)
    const body = formatCheckpointRequest({ old: size, path, checkpoint: next.note })
    yield file(`proofs/${at}-${size}.consistency`, body)
  }
}

const compareText = (one: string, other: string): number => (one === other ? 0 : one < other ? -1 : 1)
const generationOf = (log: string): number => parseLogName(log)?.generation ?? 1

/** The name of a log's first generation. */
function baseOf(log: string): string {
  const parts = parseLogName(log)
  return parts === undefined ? log : logName({ ...parts, generation: 1 })
}

function endOf(question: PackQuestion, head: LogHead, checkpoint: StoredCheckpoint | undefined): number {
  const asked = Math.min(head.size, (question.toSeq ?? Infinity) + 1)
  return checkpoint === undefined || question.isWithTail === true ? asked : Math.min(asked, checkpoint.size)
}

/** Every row of the range, whatever state it is in, and the hashes that tie it to the tree. */
async function* rangeRows(part: Part, at: number): AsyncGenerator<PackPiece, WrittenRows> {
  const { source, head, from, end, anchored } = part
  const rows = written()
  let lines: string[] = []
  for await (const row of source.evidence(head.log, from, end - 1)) {
    if (row.monotonic_seq >= end) break
    const line = lineOf(row, head.log)
    if (line === undefined) continue
    take(rows, row)
    yield* disclosures(part, row, rows)
    lines.push(line)
    if (lines.length < linesAtOnce) continue
    yield text('rows.jsonl', lines)
    part.signal?.throwIfAborted()
    lines = []
  }
  yield text('rows.jsonl', lines)
  const [left, right] = [subtreesOf(0, from), subtreesOf(end, Math.max(anchored, end))]
  const around = await collect(part, [left, right], anchored)
  // A hash that is not there is not made up: with this one no root is the right one.
  for (let seq = from; seq < end; seq++) rows.hashes[seq - from] ??= unknownHash
  yield json(`hashes/${at}.json`, {
    hashes: rows.hashes,
    left: from < anchored ? left.map(around.nodeAt) : [],
    right: right.map(around.nodeAt),
  })
  return rows

  function take(into: WrittenRows, row: EvidenceRow): void {
    into.seqs.push(row.monotonic_seq)
    const place = row.monotonic_seq - from
    if (place >= 0 && row.hash !== null && /^[0-9a-f]{64}$/.test(row.hash)) into.hashes[place] ??= row.hash
    into.hasExpired ||= row.leaf === null
  }
}

/** The rows that pass the filter, in order. Rows behind the checkpoint are left out unless the tail is asked for. */
async function* selectedRows(part: Part): AsyncGenerator<PackPiece, WrittenRows> {
  const { source, head, from, end, question } = part
  const rows = written()
  const filter = question.filters?.[head.stream]
  if (filter === undefined) return rows
  const found = scanAll(source, head.stream, { ...filter, log: head.log }, part.signal)
  for await (const seqs of found) {
    for (const seq of seqs.filter((each) => from <= each && each < end)) {
      const row = await rowAt(source, head.log, seq)
      const line = row && lineOf(row, head.log)
      if (line === undefined || rows.seqs.includes(seq)) continue
      rows.seqs.push(seq)
      yield* disclosures(part, row, rows)
      yield text('rows.jsonl', [line])
    }
  }
  return rows
}

/** Rows outside of what was asked for that say who may sign, or explain what is gone. */
async function* contextRows(
  part: Part,
  rows: WrittenRows,
  isRange: boolean,
): AsyncGenerator<PackPiece, number[]> {
  const { source, head, from, end } = part
  const codes = [
    'KEY_ROTATED',
    ...(rows.hasExpired ? [sweptCode] : []),
    ...(rows.hasExpiredDetail ? [disclosuresSweptCode] : []),
    ...(rows.hasGone ? ['SUBJECT_ERASED'] : []),
  ]
  const inside = new Set(rows.seqs)
  const seqs: number[] = []
  for (const code of codes) {
    const filter = ownCode(head.stream, code, head.log)
    for await (const found of scanAll(source, head.stream, filter, part.signal))
      for (const seq of found) {
        // A key that is handed on behind the checkpoint has signed nothing that is shown here.
        if (code === 'KEY_ROTATED' && seq >= part.anchored) continue
        const isIn = isRange && from <= seq && seq < end
        const row = isIn || inside.has(seq) ? undefined : await rowAt(source, head.log, seq)
        const line = row && lineOf(row, head.log)
        if (line === undefined) continue
        yield* disclosures(part, row, rows)
        inside.add(seq)
        seqs.push(seq)
        yield text('rows.jsonl', [line])
      }
  }
  return seqs
}

function ownCode(stream: StreamName, code: string, log: string): ScanFilter {
  if (stream === 'sys') return { log, event: code }
  return stream === 'api' ? { log, path: `/${code}` } : { log, code }
}

/** A proof file for each of these rows that the checkpoint covers. */
async function* proofs(
  part: Part,
  at: number,
  seqs: readonly number[],
  checkpoint: StoredCheckpoint | undefined,
): AsyncGenerator<PackPiece> {
  if (checkpoint === undefined) return
  const plans = seqs
    .filter((seq) => seq < checkpoint.size)
    .map((seq) => ({ seq, plan: inclusionPlan(seq, checkpoint.size) }))
  if (plans.length === 0) return
  const nodes = await collect(
    part,
    plans.flatMap(({ plan }) => plan),
    checkpoint.size,
  )
  for (const { seq, plan } of plans)
    yield file(
      `proofs/${at}-${seq}.tlog-proof`,
      formatTlogProof({
        index: seq,
        path: proofFrom(plan, nodes.nodeAt, part.digest),
        checkpoint: checkpoint.note,
      }),
    )
}

/** The personal values beside a row, a line each. One that does not open under its key is told as what it is not. */
function* disclosures(
  { question, head }: Part,
  row: EvidenceRow | undefined,
  rows: WrittenRows,
): Generator<PackPiece> {
  if (question.opener === undefined || row?.personal === undefined) return
  rows.hasExpiredDetail ||= lacksDetailValues(row)
  if (row.personal.length === 0) return
  const lines: string[] = []
  for (const sealed of row.personal) {
    const { state, text: disclosure = '' } = question.opener.open(String(row.columns['id']), sealed)
    const isThere = state === 'disclosed' || state === 'damaged'
    rows.hasGone ||= !isThere && state !== 'sealed'
    lines.push(
      canonicalize({
        ...(isThere ? { disclosure } : {}),
        key_id: sealed.key_id,
        log: head.log,
        monotonic_seq: row.monotonic_seq,
        pointer: sealed.pointer,
        state: isThere ? 'opened' : state === 'sealed' ? 'sealed' : 'gone',
      }),
    )
  }
  yield text('disclosures.jsonl', lines)
}

/** Whether values are gone that a row with `pii_in_detail` commits to, without a trace: as those are that have expired. */
function lacksDetailValues({ leaf, personal = [] }: EvidenceRow): boolean {
  const text = leaf === null ? '' : new TextDecoder().decode(leaf)
  if (!text.includes('"pii_in_detail":true')) return false
  try {
    const { sd } = readJson(text) as { readonly sd?: Readonly<Record<string, unknown>> }
    const beside = new Set(personal.map(({ pointer }) => pointer))
    return Object.keys(sd ?? {}).some((pointer) => isInDetail(pointer) && !beside.has(pointer))
  } catch (error) {
    // A damaged leaf commits to nothing; whoever verifies the pack says so.
    if (error instanceof SyntaxError) return false
    throw error
  }
}

/** The hashes at these places, from the hashes of all rows. A log with a hole has none behind it; there the unknown hash stands. */
async function collect(
  { source, head, digest, signal }: Part,
  plan: Parameters<typeof createNodeCollector>[0],
  size: number,
): Promise<Pick<NodeCollector, 'nodeAt'>> {
  const nodes = createNodeCollector(plan, digest)
  const end = plan.flat().length === 0 ? 0 : Math.min(size, head.size)
  let at = 0
  while (at < end) {
    signal?.throwIfAborted()
    const hashes = (await source.leafHashes?.(head.log, at, end)) ?? []
    if (hashes.length === 0) break
    hashes.forEach(nodes.append)
    at += hashes.length
  }
  return {
    nodeAt(place) {
      const isKnown = (place.index + 1) * 2 ** place.level <= at
      return isKnown ? nodes.nodeAt(place) : unknownHash
    },
  }
}

const unknownHash = '0'.repeat(64)
const linesAtOnce = 500
const encoder = new TextEncoder()

/** The numbers of rows that pass, a batch at a time. */
async function* scanAll(
  source: RowSource,
  stream: StreamName,
  filter: ScanFilter,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly number[]> {
  let after: number | undefined
  for (;;) {
    signal?.throwIfAborted()
    const found = await source.scan({
      stream,
      filter: { ...filter, ...(after === undefined ? {} : { after_position: after }) },
      order: 'stored',
      limit: linesAtOnce,
    })
    yield found.map(({ row }) => row.monotonic_seq)
    after = found.at(-1)?.position
    if (found.length < linesAtOnce || after === undefined) return
  }
}

async function rowAt(source: RowSource, log: string, seq: number): Promise<EvidenceRow | undefined> {
  for await (const row of source.evidence(log, seq, seq)) {
    if (row.monotonic_seq === seq) return row
    if (row.monotonic_seq > seq) break
  }
  return undefined
}

/**
 * A row as a line of `rows.jsonl`: its leaf as it is, where that is one line of canonical text that says where it lies; else what there
 * is of it, with the place it was found at. Undefined when there is nothing of it.
 */
function lineOf({ leaf, hash, monotonic_seq }: EvidenceRow, log: string): string | undefined {
  if (leaf === null)
    return hash === null ? undefined : canonicalize({ expired: true, hash, log, monotonic_seq })
  const whole = decodeUtf8(leaf)
  if (whole !== undefined && isCanonical(whole)) {
    const members = readJson(whole) as Readonly<Record<string, unknown>> | null
    if (
      members?.['log'] === log &&
      members['monotonic_seq'] === monotonic_seq &&
      'canonical_form_id' in members
    )
      return whole
  }
  return canonicalize({ leaf_base64: toBase64(leaf), log, monotonic_seq })
}

const text = (path: string, lines: readonly string[]): PackPiece =>
  file(path, lines.map((line) => `${line}\n`).join(''))
const json = (path: string, value: JsonValue): PackPiece => file(path, `${canonicalize(value)}\n`)
const file = (path: string, content: string): PackPiece => ({ path, bytes: encoder.encode(content) })
