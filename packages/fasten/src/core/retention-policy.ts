// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from './canonical.ts'
import type { Digest } from './digest.ts'
import { retentionClasses, type JsonValue, type RetentionClass, type StreamName } from './row.ts'

/** How many days something is kept, or null for ever. */
export type RetentionDays = number | null

/** A period for fewer rows than a class has: those of a tenant, a code, or both. */
export interface RetentionRule {
  /** Only rows of this tenant. */
  readonly tenant_id?: string
  /** A class, a code, or the beginning of codes with a `*` behind it. */
  readonly of: string
  readonly days: RetentionDays
}

/** How long rows are kept. Complete: every class has a period. */
export interface RetentionPolicy {
  readonly classes: Readonly<Record<RetentionClass, RetentionDays>>
  /** What wins over the classes. */
  readonly rules: readonly RetentionRule[]
  /** Sys and api rows have no class; null keeps them. */
  readonly sys: RetentionDays
  readonly api: RetentionDays
}

/** What the classes mean unless somebody says otherwise. Shortening one is told in each log that it concerns. */
export const builtinClassDays: Readonly<Record<RetentionClass, RetentionDays>> = {
  short: 30,
  medium: 180,
  long: 1095,
  regulated: 2555,
  permanent: null,
}

export const builtinPolicy: RetentionPolicy = { classes: builtinClassDays, rules: [], sys: null, api: null }

/** What of a row decides how long it is kept. */
export interface RetentionFacts {
  readonly stream: StreamName
  readonly tenant_id: string | undefined
  readonly code: string | undefined
  readonly retention_class: string | undefined
}

/**
 * The days a row is kept, null for ever. Of the rules that fit it the narrowest wins: tenant and code, tenant and class, code,
 * and then its class; of codes, a whole one before a beginning, a longer beginning before a shorter. A class that nobody
 * knows is kept: a later version may have written it.
 */
export function retentionDays(policy: RetentionPolicy, facts: RetentionFacts): RetentionDays {
  if (facts.stream !== 'audit') return policy[facts.stream]
  let best: RetentionRule | undefined
  let bestRank = -1
  for (const rule of policy.rules) {
    const rank = rankOf(rule, facts)
    if (rank > bestRank) [best, bestRank] = [rule, rank]
  }
  if (best !== undefined) return best.days
  const known = retentionClasses.find((one) => one === facts.retention_class)
  return known === undefined ? null : policy.classes[known]
}

/**
 * The days that the personal values in the detail of a row with `pii_in_detail` are kept: those of the class `short`, for its tenant,
 * whatever class and code the row has.
 */
export function detailDays(policy: RetentionPolicy, tenant_id: string | undefined): RetentionDays {
  return retentionDays(policy, { stream: 'audit', tenant_id, code: undefined, retention_class: 'short' })
}

/** How narrowly a rule fits, -1 when it does not. Codes are at most some hundred characters long. */
function rankOf({ tenant_id, of }: RetentionRule, facts: RetentionFacts): number {
  if (tenant_id !== undefined && tenant_id !== facts.tenant_id) return -1
  const tenantRank = tenant_id === undefined ? 0 : 1e6
  if (of === facts.retention_class) return tenantRank
  const code = facts.code ?? ''
  if (of === code) return tenantRank + 1e5
  return of.endsWith('*') && code.startsWith(of.slice(0, -1)) ? tenantRank + of.length : -1
}

/** The one text of a policy (RFC 8785): two policies are the same when their texts are. */
export function policyText(policy: RetentionPolicy): string {
  const rules = policy.rules.map(({ tenant_id, of, days }): JsonValue =>
    tenant_id === undefined ? { of, days } : { tenant_id, of, days },
  )
  const textOf = (rule: JsonValue): string => canonicalize(rule)
  return canonicalize({
    api: policy.api,
    classes: { ...policy.classes },
    // No two rules that fit one row have one rank, so their order says nothing.
    rules: rules.toSorted((one, other) => (textOf(one) < textOf(other) ? -1 : 1)),
    sys: policy.sys,
  })
}

/** SHA-256 of the policy's text: 64 lower-case hex. */
export function policyHash(policy: RetentionPolicy, digest: Digest): string {
  return digest(new TextEncoder().encode(policyText(policy)))
}

/** What a policy keeps for less time than the classes promise, as `class` or `rule=days`; empty for none. */
export function shortenings(policy: RetentionPolicy): readonly string[] {
  const isShorter = (days: RetentionDays, floor: RetentionDays): boolean =>
    days !== null && (floor === null || days < floor)
  const classes = retentionClasses.filter((one) => isShorter(policy.classes[one], builtinClassDays[one]))
  const rules = policy.rules.filter(({ of, days }) => {
    const known = retentionClasses.find((one) => one === of)
    // A code can be of any class: its rule is told unless no class is longer.
    return isShorter(days, known === undefined ? null : builtinClassDays[known])
  })
  return [
    ...classes.map((one) => `${one}=${policy.classes[one]}d`),
    ...rules.map(
      ({ tenant_id, of, days }) => `${tenant_id === undefined ? '' : `${tenant_id}/`}${of}=${days}d`,
    ),
  ]
}
