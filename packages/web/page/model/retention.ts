// SPDX-License-Identifier: Apache-2.0
import { parsePageQuery } from 'fasten/reader/remote'

export interface RuleFacts {
  readonly tenant_id?: string
  /** A class, a code, or the beginning of codes with a `*` behind it. */
  readonly of: string
  readonly days: number | null
}

/** What the fleet lets go of the rows of nodes, and how far that is (docs/guides/retention.md). */
export interface RetentionFacts {
  readonly follow: readonly string[] | 'all'
  readonly policy: {
    readonly classes: Readonly<Record<string, number | null>>
    readonly rules: readonly RuleFacts[]
    readonly sys: number | null
    readonly api: number | null
  }
  readonly policy_hash: string
  readonly swept_at: string | null
  readonly sweeps: readonly SweepFacts[]
}

export interface SweepFacts {
  readonly tenant: string
  readonly told_by: 'node' | 'fleet'
  readonly rows: number
  readonly gone: number
  readonly held: number
  readonly there: number
}

export interface HoldFacts {
  readonly hold_id: string
  readonly rows: Readonly<Partial<Record<HoldName, string>>>
  readonly reason: string
  readonly placed_by: string
  readonly placed_at: string
  readonly released_at: string | null
  readonly released_by: string | null
}

/** By what a hold names rows, in the order in which people are asked. */
export const holdNames = ['code', 'actor', 'target', 'request_id', 'tenant_id', 'since', 'until'] as const
export type HoldName = (typeof holdNames)[number]

/** One line of what is kept for how long. */
export interface Keeping {
  readonly what: string
  readonly where: string
  readonly days: number | null
}

/** Rules first, since they win over what stands below them; then the classes and the streams that have a period; what is kept whole is left out. */
export function keepingsOf({ rules, classes, sys, api }: RetentionFacts['policy']): readonly Keeping[] {
  const everywhere = 'all tenants'
  const ofClasses = Object.entries(classes).map(([name, days]) => ({
    what: `class ${name}`,
    where: everywhere,
    days,
  }))
  return [
    ...rules.map(({ of, tenant_id, days }) => ({
      what: Object.hasOwn(classes, of) ? `class ${of}` : of,
      where: tenant_id ?? everywhere,
      days,
    })),
    ...[
      ...ofClasses,
      { what: 'sys rows', where: everywhere, days: sys },
      { what: 'api rows', where: everywhere, days: api },
    ].filter(({ days }) => days !== null),
  ]
}

/** `90 days`, `7 years` where it is a whole number of these, or for ever. */
export function daysWords(days: number | null): string {
  if (days === null) return 'for ever'
  if (days === 1) return '1 day'
  return days >= 730 && days % 365 === 0 ? `${days / 365} years` : `${days} days`
}

/** The question that finds the rows of a hold: query text, and its window as far as the hold has one. */
export function questionOf({ since, until, ...named }: HoldFacts['rows']): {
  readonly text: string
  readonly since: string | undefined
  readonly until: string | undefined
} {
  const text = holdNames
    .flatMap((name) => {
      const value = name === 'since' || name === 'until' ? undefined : named[name]
      return value === undefined ? [] : [`${name}:${/[\s"]/.test(value) ? JSON.stringify(value) : value}`]
    })
    .join(' ')
  return { text, since, until }
}

/** A hold as it is typed: a time may be relative, and what is empty is not given. */
export type TypedHold = Readonly<Partial<Record<HoldName, string>>>

/** What is typed as the server takes it: trimmed, and a time as an instant, counted from `nowMicros` where it is relative; or why it is no hold. */
export function holdOf(
  typed: TypedHold,
  nowMicros: number,
):
  | { readonly ok: true; readonly rows: Readonly<Record<string, string>> }
  | { readonly ok: false; readonly detail: string } {
  const rows: Record<string, string> = {}
  const times = new URLSearchParams()
  for (const name of holdNames) {
    const value = typed[name]?.trim() ?? ''
    if (value === '') continue
    if (name === 'since' || name === 'until') times.set(name, value)
    else rows[name] = value
  }
  const window = parsePageQuery(times, 'audit', nowMicros)
  if (!window.ok) return { ok: false, detail: window.problems[0]?.detail ?? 'this is no window of time' }
  const { since, until } = window.value.filter
  if (times.has('since') && since !== undefined) rows['since'] = since
  if (times.has('until') && until !== undefined) rows['until'] = until
  return Object.keys(rows).length === 0
    ? { ok: false, detail: 'a hold names something: a code, somebody, a request or a time' }
    : { ok: true, rows }
}
