// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../../core/row.ts'
import type { StreamTables } from '../row-tables.ts'
import { textArray } from './binary-array.ts'
import type { Sql } from './sql.ts'

export interface StoredRowText {
  readonly leaf: string | null
  readonly hash: string | null
}

/** Rows that are there already, by `keyOf`. */
export type StoredIds = ReadonlyMap<string, StoredRowText>

export const keyOf = (stream: StreamName, id: string): string => `${stream} ${id}`

/**
 * Which of these ids are in the tables. Ids carry the time they were minted at, and no row is stored before that; so only months from
 * two days before it on are looked into, and at least the last two days, whatever the clock was that minted them. An id whose clock was
 * further ahead than that when it was stored, and which comes again days later, is not found; the same batch tried again always is.
 * Ids that carry no time are looked for everywhere.
 */
export async function findStored(
  sql: Sql,
  prefix: string,
  tables: StreamTables,
  ids: ReadonlyMap<StreamName, readonly string[]>,
  today: string,
): Promise<StoredIds> {
  const stored = new Map<string, StoredRowText>()
  for (const [stream, wanted] of ids) {
    const table = tables[stream]
    if (table === undefined || wanted.length === 0) continue
    const rows = await sql.prepared(
      `SELECT id, leaf, hash FROM ${prefix}"${table}" WHERE id = ANY($1::text[]) AND stored_on >= $2::date`,
      [textArray(wanted), notBefore(wanted, today)],
    )
    for (const [id, leaf, hash] of rows)
      stored.set(keyOf(stream, String(id)), { leaf: leaf as string | null, hash: hash as string | null })
  }
  return stored
}

const dayMs = 86_400_000
const slackMs = 2 * dayMs

/** The date, `YYYY-MM-DD`, before which none of the ids can have been stored. */
export function notBefore(ids: readonly string[], today: string): string {
  let earliest = Date.parse(`${today}T00:00:00Z`)
  for (const id of ids) earliest = Math.min(earliest, mintedAt(id) ?? 0)
  return new Date(Math.max(earliest - slackMs, 0)).toISOString().slice(0, 10)
}

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** Milliseconds since 1970 in the first 48 bits of a ULID behind a prefix; undefined for other ids. */
function mintedAt(id: string): number | undefined {
  const [, time] = /^[a-z]+-([0-7][0-9A-HJKMNP-TV-Z]{9})[0-9A-HJKMNP-TV-Z]{16}$/.exec(id) ?? []
  if (time === undefined) return undefined
  let millis = 0
  for (const digit of time) millis = millis * 32 + crockford.indexOf(digit)
  return millis
}
