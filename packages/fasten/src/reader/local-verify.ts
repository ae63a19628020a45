// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'
import type { LogVerdict, Verdict } from '../core/verdict.ts'
import { combineVerdicts, createLogVerifier } from '../core/verify.ts'
import type { EvidenceRow, LogHead, RowSource } from '../store/ports.ts'
import type { VerifyRange } from './reader.ts'
import { noLog } from './verdicts.ts'

/** Rows checked between two turns of the event loop: a few milliseconds of hashing. */
const turnRows = 1_000

/**
 * Checks every log in `range` row by row, in constant memory, against the head its store recorded. Ring streams hold no
 * chained rows and are named in the notes. An empty range is INCOMPLETE, never PASS.
 */
export async function verifyLogs(
  stores: readonly RowSource[],
  range: VerifyRange,
  digest: Digest,
  signal?: AbortSignal,
): Promise<Verdict> {
  const verdicts: LogVerdict[] = []
  const notes: string[] = []
  for (const source of stores) {
    const heads = await source.heads()
    if (heads.length === 0 && !(await source.describe()).isDurable)
      notes.push('rows of rings are neither stored nor chained, so they were not checked')
    for (const head of heads) {
      if (isIn(range, head)) verdicts.push(await verifyLog(source, head, range, digest, signal))
    }
  }
  if (verdicts.length === 0) notes.push(noLog(range.log))
  return combineVerdicts(
    verdicts.sort((one, other) => (one.log < other.log ? -1 : 1)),
    [...new Set(notes)],
  )
}

function isIn({ log, stream }: VerifyRange, head: LogHead): boolean {
  return (log === undefined || head.log === log) && (stream === undefined || head.stream === stream)
}

/** Rows beyond the recorded end that are kept for judgement; more of them say nothing new. */
const beyondRowsMax = 1_000

async function verifyLog(
  source: RowSource,
  head: LogHead,
  { from_seq: from = 0, to_seq: to }: VerifyRange,
  digest: Digest,
  signal?: AbortSignal,
): Promise<LogVerdict> {
  const verifier = createLogVerifier({
    log: head.log,
    head,
    digest,
    from_seq: from,
    ...(to === undefined ? {} : { to_seq: to }),
  })
  const beyond: EvidenceRow[] = []
  let sinceTurn = 0
  for await (const row of source.evidence(head.log, Math.max(0, from - 1), to)) {
    if (row.monotonic_seq > (to ?? Infinity) || beyond.length === beyondRowsMax) break
    if (row.monotonic_seq >= head.size) beyond.push(row)
    else verifier.push(row)
    if (++sinceTurn < turnRows) continue
    sinceTurn = 0
    signal?.throwIfAborted()
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  // A writer may have stored rows since the head was read. It moves the head in the same transaction, so a row that even
  // the head of now does not cover was put there by somebody else.
  const sizeNow = beyond.length === 0 ? head.size : await sizeOf(source, head)
  for (const row of beyond) if (row.monotonic_seq >= sizeNow) verifier.push(row)
  return verifier.finish()
}

async function sizeOf(source: RowSource, { log, size }: LogHead): Promise<number> {
  const now = (await source.heads()).find((head) => head.log === log)
  return Math.max(size, now?.size ?? 0)
}
