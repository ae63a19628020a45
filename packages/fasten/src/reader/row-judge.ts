// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'
import type { VerificationState } from '../core/row.ts'
import { createLogVerifier } from '../core/verify.ts'
import type { RowSource, StoredRow } from '../store/ports.ts'

/** Answers the state of each row, in the order given. */
export type RowJudge = (
  source: RowSource,
  rows: readonly StoredRow[],
) => Promise<readonly VerificationState[]>

/** Physical rows that one answer reads again to judge its rows. A page of 1,000 rows that follow one another costs 1,001. */
export const rowsJudgedMax = 2_500

/** Stretches of a log that one answer looks up: a filter that picks rows far apart costs one for each. */
export const runsJudgedMax = 400

/** Rows between two rows of a page that are read along rather than skipped: a second look-up costs about as much. */
const gapRowsMax = 8

/**
 * How much an answer may claim for each of its rows. Nothing is taken from a stored mark: the rows and their predecessors are
 * read again as evidence and put through the same verifier as `verify`, which recomputes leaf hash, form, place, columns
 * and the link to the row before. A row it finds nothing wrong with is `verified`, one it names is `broken`.
 *
 * `chained` is left for a row whose predecessor is not there to link to, and for rows beyond `rowsJudgedMax`.
 * What needs a whole log to see (a hole elsewhere, a cut end) is for `verify`. Source: spec/query.md#verification-states.
 */
export function createRowJudge(digest: Digest): RowJudge {
  return async (source, rows) => {
    const states = rows.map(({ hash, leaf }): VerificationState =>
      hash === null && leaf === null ? 'ring' : 'chained',
    )
    const chained = rows
      .map((stored, index) => ({ stored, index }))
      .filter(({ index }) => states[index] === 'chained')
    // A store without logs holds rows of forms 1 and 2, whose chain only `verify` can judge.
    if (chained.some(({ stored }) => stored.leaf === null) && (await source.heads()).length === 0)
      return states
    let rowsLeft = rowsJudgedMax
    let runsLeft = runsJudgedMax
    for (const [log, members] of Map.groupBy(chained, ({ stored }) => stored.row.log)) {
      const runs: Run[] = []
      for (const run of runsOf(members)) {
        const rowsNeeded = run.to - run.from + 2
        if (rowsNeeded > rowsLeft || runsLeft === 0) break
        rowsLeft -= rowsNeeded
        runsLeft -= 1
        runs.push(run)
      }
      const judged = await judgeRuns(source, log, runs, digest)
      for (const run of runs) for (const { stored, index } of run.members) states[index] = judged(stored)
    }
    return states
  }
}

interface Member {
  readonly stored: StoredRow
  readonly index: number
}

interface Run {
  readonly from: number
  to: number
  readonly members: Member[]
}

function runsOf(members: readonly Member[]): readonly Run[] {
  const runs: Run[] = []
  const placed = members.filter(
    ({ stored }) => Number.isSafeInteger(stored.row.monotonic_seq) && stored.row.monotonic_seq >= 0,
  )
  for (const member of placed.toSorted(
    (one, other) => one.stored.row.monotonic_seq - other.stored.row.monotonic_seq,
  )) {
    const seq = member.stored.row.monotonic_seq
    const latest = runs.at(-1)
    if (latest !== undefined && seq - latest.to <= gapRowsMax) {
      latest.to = seq
      latest.members.push(member)
    } else runs.push({ from: seq, to: seq, members: [member] })
  }
  return runs
}

async function judgeRuns(
  source: RowSource,
  log: string,
  runs: readonly Run[],
  digest: Digest,
): Promise<(stored: StoredRow) => VerificationState> {
  const [first, last] = [runs[0]?.from ?? 0, runs.at(-1)?.to ?? 0]
  const verifier = createLogVerifier({
    log,
    head: null,
    from_seq: Math.max(0, first - 1),
    to_seq: last,
    digest,
  })
  const decoder = new TextDecoder()
  /** Leaf and hash as they lie at each place now. */
  const found = new Map<number, { readonly leaf: string | null; readonly hash: string | null }>()
  for (const [count, { from, to }] of runs.entries()) {
    // One stretch is a fraction of a millisecond; hundreds of them must not hold everybody else up.
    if (count % 100 === 99) await new Promise((resolve) => setTimeout(resolve, 0))
    // The predecessor is pushed like any row: it gives the link, and what is wrong with it is its own.
    for await (const evidence of source.evidence(log, Math.max(0, from - 1), to)) {
      if (evidence.monotonic_seq > to) break
      verifier.push(evidence)
      const leaf = evidence.leaf === null ? null : decoder.decode(evidence.leaf)
      found.set(evidence.monotonic_seq, { leaf, hash: evidence.hash })
    }
  }
  // What lies between the stretches was not read, and is not missing.
  const breaks = verifier.finish().breaks.filter(({ kind }) => kind !== 'rows_missing')
  return ({ row: { monotonic_seq: seq }, leaf, hash }) => {
    const now = found.get(seq)
    // The row that is shown must be the row that was checked: a leaf may name a place that it does not lie at.
    if (now?.leaf !== leaf || now?.hash !== hash) return 'broken'
    if (breaks.some((one) => one.from_index <= seq && seq <= one.to_index)) return 'broken'
    return seq === 0 || found.has(seq - 1) ? 'verified' : 'chained'
  }
}
