// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { digestOf } from './admit-names.ts'

/** Tables of names, with the columns behind `tenant`. */
const seriesTables = {
  fleet_red_series: ['service', 'node', 'route', 'method'],
  fleet_red_code_series: ['service', 'code', 'outcome'],
} as const

/** Names of one series, tenant first, in the order of its table's columns. */
export type SeriesNames = readonly string[]

/** The numbers of these series, in their order; those that are new get one. Only whoever holds the stream's cursor may call it. */
export async function seriesIds(
  sql: PoolClient,
  table: keyof typeof seriesTables,
  series: readonly SeriesNames[],
): Promise<readonly string[]> {
  const digests = series.map((names) => digestOf(...names))
  const known = new Map<string, string>()
  const note = (rows: readonly { digest: Buffer; series_id: string }[]): void => {
    for (const { digest, series_id } of rows) known.set(digest.toString('hex'), series_id)
  }
  const found = await sql.query<{ digest: Buffer; series_id: string }>(
    `SELECT digest, series_id FROM ${table} WHERE digest = ANY ($1::bytea[])`,
    [digests.map((digest) => Buffer.from(digest, 'hex'))],
  )
  note(found.rows)
  const missing = series.flatMap((names, i) => {
    const digest = digests[i] ?? ''
    return known.has(digest) ? [] : [{ digest, names }]
  })
  if (missing.length > 0) {
    const columns = ['tenant', ...seriesTables[table]]
    const made = await sql.query<{ digest: Buffer; series_id: string }>(
      `INSERT INTO ${table} (digest, ${columns.join(', ')})
        SELECT * FROM unnest($1::bytea[], ${columns.map((_, i) => `$${i + 2}::text[]`).join(', ')}) RETURNING digest, series_id`,
      [
        missing.map(({ digest }) => Buffer.from(digest, 'hex')),
        ...columns.map((_, i) => missing.map(({ names }) => names[i] ?? '')),
      ],
    )
    note(made.rows)
  }
  return digests.map((digest) => {
    const id = known.get(digest)
    if (id === undefined) throw new TypeError('a series was neither found nor made')
    return id
  })
}
