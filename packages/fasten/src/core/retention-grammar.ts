// SPDX-License-Identifier: Apache-2.0
import type { RetentionDays, RetentionRule } from './retention-policy.ts'
import { retentionClasses } from './row.ts'

/** A hundred years; whoever means longer means `permanent`. */
export const retentionDaysMax = 36_500

/**
 * A period: a whole number of days (`2555`), or of days, weeks, months of 30 or years of 365 days (`30d`, `2w`, `6mo`, `7y`),
 * from 1 day to 100 years; or `permanent`, which is null. Undefined for anything else. Source: spec/retention.md#periods.
 */
export function parsePeriod(text: string): RetentionDays | undefined {
  const word = text.trim().toLowerCase()
  if (word === 'permanent') return null
  const match = /^(\d{1,6})\s*(d|w|mo|y)?$/.exec(word)
  if (match === null) return undefined
  const days = Number(match[1]) * unitDays[(match[2] ?? 'd') as keyof typeof unitDays]
  return days >= 1 && days <= retentionDaysMax ? days : undefined
}

const unitDays = { d: 1, w: 7, mo: 30, y: 365 } as const

/**
 * Rules separated by commas, each `[<tenant>/]<class or code>=<period>`: `long=7y, ORDER_PAID=10y, PROBE_*=7d, acme/long=10y`.
 * Classes are in lower case, codes in upper case, so they cannot be confused; a tenant is percent-encoded as in the name of a log.
 * `permanent` rows are kept whatever is asked, so no rule can name that class. Undefined when anything in it is not such a rule,
 * or two rules are about the same rows. Source: spec/retention.md#overrides.
 */
export function parseRetentionRules(text: string): readonly RetentionRule[] | undefined {
  const rules: RetentionRule[] = []
  const seen = new Set<string>()
  for (const part of text.split(',').map((each) => each.trim())) {
    if (part === '') continue
    const rule = parseRule(part)
    if (rule === undefined) return undefined
    const key = JSON.stringify([rule.tenant_id ?? null, rule.of])
    if (seen.has(key)) return undefined
    seen.add(key)
    rules.push(rule)
  }
  return rules
}

function parseRule(text: string): RetentionRule | undefined {
  const match = /^(?:([^/=]+)\/)?([A-Za-z0-9_]+\*?|\*)\s*=\s*([^=]+)$/.exec(text)
  const [, tenant, of = '', period = ''] = match ?? []
  const days = parsePeriod(period)
  const isClass = of !== 'permanent' && (retentionClasses as readonly string[]).includes(of)
  if (days === undefined || !(isClass || isCodePattern(of))) return undefined
  if (tenant === undefined) return { of, days }
  const tenant_id = decoded(tenant.trim())
  return tenant_id === undefined ? undefined : { tenant_id, of, days }
}

const isCodePattern = (text: string): boolean => /^(?:[A-Z][A-Z0-9_]*\*?|\*)$/.test(text)

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    // A stray percent sign: no tenant is written so.
    return undefined
  }
}
