// SPDX-License-Identifier: Apache-2.0
import type { Pool } from 'pg'
import { isoOf, tiers } from '../tiers.ts'
import type { AnsweredRange } from './range.ts'

export const codeNames = ['tenant', 'service', 'code', 'outcome'] as const
export type CodeName = (typeof codeNames)[number]

export interface CodesAsked {
  readonly range: AnsweredRange
  readonly step: number | undefined
  readonly groupBy: readonly CodeName[]
  readonly filters: Readonly<Partial<Record<CodeName, readonly string[] | undefined>>>
}

export interface CodeGroup {
  readonly group: Readonly<Partial<Record<CodeName, string>>>
  readonly rows: number
  /** Steps without a row are left out. */
  readonly steps?: readonly { readonly at: string; readonly rows: number }[]
}

/** Audit rows by what they have in common, most first; exact. The connection shows what whoever asks may see. */
export async function askCodes(
  sql: Pick<Pool, 'query'>,
  { range, step, groupBy, filters }: CodesAsked,
): Promise<readonly CodeGroup[]> {
  const values: unknown[] = []
  const given = (value: unknown): string => `$${values.push(value)}`
  const stretches = range.stretches.map(
    ({ tier, from, to }) =>
      `(f.tier = ${tiers[tier]} AND f.at >= ${given(isoOf(from))} AND f.at < ${given(isoOf(to))})`,
  )
  const wanted = codeNames.flatMap((name) => {
    const those = filters[name]
    return those === undefined ? [] : [`s.${name} = ANY (${given(those)}::text[])`]
  })
  const at = step === undefined ? '0' : `extract(epoch FROM f.at)::bigint / ${step} * ${step}`
  const { rows } = await sql.query<Partial<Record<CodeName, string>> & { at: string; rows: string }>(
    `SELECT ${at} AS at, ${groupBy.map((name) => `s.${name}, `).join('')}sum(f.rows) AS rows
    FROM fleet_red_codes f JOIN fleet_red_code_series s USING (series_id)
    WHERE ${[`(${stretches.join(' OR ') || 'false'})`, ...wanted].join(' AND ')}
    GROUP BY ${['1', ...groupBy.map((_, i) => String(i + 2))].join(', ')} ORDER BY 1`,
    values,
  )
  const groups = new Map<
    string,
    { group: CodeGroup['group']; rows: number; steps: { at: string; rows: number }[] }
  >()
  for (const row of rows) {
    const key = JSON.stringify(groupBy.map((name) => row[name]))
    let known = groups.get(key)
    if (known === undefined) {
      known = {
        group: Object.fromEntries(groupBy.map((name) => [name, row[name] ?? ''])),
        rows: 0,
        steps: [],
      }
      groups.set(key, known)
    }
    known.rows += Number(row.rows)
    known.steps.push({ at: isoOf(Number(row.at)), rows: Number(row.rows) })
  }
  return [...groups]
    .sort(([a, one], [b, two]) => two.rows - one.rows || (a < b ? -1 : 1))
    .map(([, { steps, ...group }]) => (step === undefined ? group : { ...group, steps }))
}
