// SPDX-License-Identifier: Apache-2.0
/** What sweeping and holding say in a log, the same in every engine. */
import { canonicalize } from '../../core/canonical.ts'
import type { Digest } from '../../core/digest.ts'
import { FastenError } from '../../core/error.ts'
import {
  builtinPolicy,
  policyHash,
  policyText,
  shortenings,
  type RetentionPolicy,
} from '../../core/retention-policy.ts'
import type { JsonObject } from '../../core/row.ts'
import {
  disclosuresSweptCode,
  runsOf,
  sweptCode,
  sweptFacts,
  type SweepCode,
  type SweptRun,
} from '../../core/swept.ts'
import type { OwnRow } from '../own-rows.ts'
import { heldRowsFacts, type Hold } from './hold.ts'
import type { Judgement } from './judge.ts'
import type { PrunableLog } from './pruner.ts'

/** Which rows go, and which lose the values of their detail: their places, ascending. */
export interface SweptPlaces {
  /** By class. */
  readonly expired: ReadonlyMap<string, readonly SweptRun[]>
  readonly details: readonly SweptRun[]
}

/** The places that a judgement names. */
export function placesOf({ expired, details }: Pick<Judgement, 'expired' | 'details'>): SweptPlaces {
  const groups = Map.groupBy(expired, (each) => each.class)
  return {
    expired: new Map(
      Array.from(groups, ([of, group]) => [of, runsOf(group.map(({ row }) => row.monotonic_seq))]),
    ),
    details: runsOf(details.map(({ monotonic_seq }) => monotonic_seq)),
  }
}

/**
 * The rows that tell of a sweep, in the order in which they are appended: the policy where it is another than before, then one row
 * for each class, then one for the details that go, several where the places are too many for one; and how many rows of each
 * class go.
 */
export function sweepRows(
  { log, policy_hash }: Pick<PrunableLog, 'log' | 'policy_hash'>,
  policy: RetentionPolicy,
  { expired, details }: SweptPlaces,
  digest: Digest,
): { readonly rows: readonly OwnRow[]; readonly swept: Readonly<Record<string, number>> } {
  const hash = policyHash(policy, digest)
  const builtin = policyHash(builtinPolicy, digest)
  const rows: OwnRow[] = []
  if ((policy_hash ?? builtin) !== hash) rows.push(policyRow(policy, policy_hash ?? builtin, hash))
  const tell = (code: SweepCode, of: string, runs: readonly SweptRun[]): void => {
    for (let at = 0; at < runs.length; at += runsMax) {
      const some = runs.slice(at, at + runsMax)
      const [from = 0, to = 0] = [some[0]?.[0], some.at(-1)?.[1]]
      const facts = sweptFacts({
        log,
        from,
        to,
        class: of,
        count: rowsIn(some),
        policy_hash: hash,
        runs: some,
      })
      rows.push({ code, facts })
    }
  }
  const swept: Record<string, number> = {}
  for (const [of, runs] of expired) {
    swept[of] = rowsIn(runs)
    tell(sweptCode, of, runs)
  }
  tell(disclosuresSweptCode, 'short', details)
  return { rows, swept }
}

/** What is thrown when the row that tells of a sweep would lie in another log than the rows. */
export function notContinued(log: string): FastenError {
  return new FastenError(
    'LOG_NOT_CONTINUED',
    `${log} does not end as its head says, so nothing is swept from it`,
    { at: log, hint: 'fasten verify says what is wrong with it; the next row opens its successor' },
  )
}

/** Of two numbers of 15 digits each a leaf holds as many. */
const runsMax = 1_500
const rowsIn = (runs: readonly SweptRun[]): number => runs.reduce((sum, [from, to]) => sum + to - from + 1, 0)

function policyRow(policy: RetentionPolicy, old_hash: string, new_hash: string): OwnRow {
  const shortened = shortenings(policy)
  return {
    code: 'RETENTION_POLICY_CHANGED',
    facts: {
      new_hash,
      old_hash,
      policy: policyText(policy),
      ...(shortened.length === 0 ? {} : { shortened }),
    },
    ...(shortened.length === 0 ? {} : { severity: 'warn' as const }),
  }
}

/** What HOLD_PLACED says: that row stays for ever, and a hold may name a person, so its values are told by a hash only. */
export function holdFacts({ hold_id, rows }: Pick<Hold, 'hold_id' | 'rows'>, digest: Digest): JsonObject {
  const facts = heldRowsFacts(rows)
  return {
    by: Object.keys(facts),
    hold_id,
    rows_hash: digest(new TextEncoder().encode(`${hold_id}\n${canonicalize(facts)}`)),
  }
}

/** The first `rowsMax` of what goes. */
export function cutTo(judgement: Judgement, rowsMax = Infinity): Judgement & { readonly isCut: boolean } {
  const expired = judgement.expired.slice(0, rowsMax)
  const details = judgement.details.slice(0, rowsMax - expired.length)
  const left = judgement.expired.length + judgement.details.length - expired.length - details.length
  return { ...judgement, expired, details, isCut: left > 0 }
}

/** The judgement on several stretches, in their order. */
export function joined(parts: readonly Judgement[]): Judgement {
  const sum = (of: keyof Judgement['kept']): number => parts.reduce((total, { kept }) => total + kept[of], 0)
  const least = <T extends number | string>(values: readonly (T | null)[]): T | null =>
    values.reduce<T | null>(
      (found, value) => (value !== null && (found === null || value < found) ? value : found),
      null,
    )
  return {
    expired: parts.flatMap(({ expired }) => expired),
    details: parts.flatMap(({ details }) => details),
    kept: { held: sum('held'), unreplicated: sum('unreplicated'), unanchored: sum('unanchored') },
    dueMicros: least(parts.map(({ dueMicros }) => dueMicros)),
    oldest: least(parts.map(({ oldest }) => oldest)),
  }
}
