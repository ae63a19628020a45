// SPDX-License-Identifier: Apache-2.0
/** What sweeping and holding say in a log, the same in every engine. */
import { canonicalize } from '../../core/canonical.ts'
import type { Digest } from '../../core/digest.ts'
import {
  builtinPolicy,
  policyHash,
  policyText,
  shortenings,
  type RetentionPolicy,
} from '../../core/retention-policy.ts'
import type { JsonObject } from '../../core/row.ts'
import { disclosuresSweptCode, runsOf, sweptCode, sweptFacts } from '../../core/swept.ts'
import type { OwnRow } from '../own-rows.ts'
import { heldRowsFacts, type Hold } from './hold.ts'
import type { Judgement } from './judge.ts'
import type { PrunableLog } from './pruner.ts'

/**
 * The rows that tell of a sweep, in the order in which they are appended: the policy where it is another than before, then one row
 * for each class, then one for the details that go; and how many rows of each class go.
 */
export function sweepRows(
  { log, policy_hash }: Pick<PrunableLog, 'log' | 'policy_hash'>,
  policy: RetentionPolicy,
  { expired, details }: Pick<Judgement, 'expired' | 'details'>,
  digest: Digest,
): { readonly rows: readonly OwnRow[]; readonly swept: Readonly<Record<string, number>> } {
  const hash = policyHash(policy, digest)
  const builtin = policyHash(builtinPolicy, digest)
  const rows: OwnRow[] = []
  if ((policy_hash ?? builtin) !== hash) rows.push(policyRow(policy, policy_hash ?? builtin, hash))
  const swept: Record<string, number> = {}
  const factsOf = (of: string, seqs: readonly number[]): OwnRow['facts'] => {
    const [from = 0, to = 0] = [seqs[0], seqs.at(-1)]
    return sweptFacts({ log, from, to, class: of, count: seqs.length, policy_hash: hash, runs: runsOf(seqs) })
  }
  for (const [of, group] of Map.groupBy(expired, (each) => each.class)) {
    const seqs = group.map(({ row }) => row.monotonic_seq)
    swept[of] = seqs.length
    rows.push({ code: sweptCode, facts: factsOf(of, seqs) })
  }
  if (details.length > 0) {
    const seqs = details.map(({ monotonic_seq }) => monotonic_seq)
    rows.push({ code: disclosuresSweptCode, facts: factsOf('short', seqs) })
  }
  return { rows, swept }
}

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
