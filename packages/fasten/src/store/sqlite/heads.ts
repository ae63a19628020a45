// SPDX-License-Identifier: Apache-2.0
import type { HeadLooks } from '../heads.ts'
import type { SqliteConnection, SqliteStatement, SqlValue } from './driver.ts'

/** Heads are few and read in every batch; each statement is prepared once per table. */
export function prepareHeads(connection: SqliteConnection): HeadLooks {
  const perTable = (sql: (table: string) => string): ((table: string) => SqliteStatement) => {
    const cache = new Map<string, SqliteStatement>()
    return (table) => {
      const known = cache.get(table)
      if (known !== undefined) return known
      // Somebody may have written a number there that is none of ours.
      const statement = connection.prepare(sql(table), { hasBigInts: true })
      cache.set(table, statement)
      return statement
    }
  }
  // "~" is the last printable ASCII character, so all later generations of a name lie between name~ and name DEL.
  const generations = perTable(
    () => `
      SELECT log_id, log, size, head_hash, position, public_keys FROM fasten_logs
      WHERE table_name = ? AND (log = ? OR (log > ? || '~' AND log < ? || char(127)))`,
  )
  const newestRow = perTable(
    (table) => `
      SELECT monotonic_seq, hash FROM ${table} WHERE log_id = ? ORDER BY monotonic_seq DESC LIMIT 1`,
  )
  const hashAt = perTable(
    (table) => `
      SELECT hash FROM ${table} WHERE log_id = ? AND monotonic_seq = ?
      UNION ALL SELECT lower(hex(hash)) FROM fasten_expired WHERE log_id = ? AND monotonic_seq = ?`,
  )
  const text = (value: SqlValue | undefined): string | null =>
    value === null || value === undefined ? null : String(value)
  return {
    generations: (table, base) =>
      generations(table)
        .all(table, base, base, base)
        .map((row) => ({
          logId: Number(row['log_id']),
          head: { log: String(row['log']), size: Number(row['size']), head_hash: String(row['head_hash']) },
          position: Number(row['position']),
          publicKeys: String(row['public_keys']),
        })),
    newestRow({ table, logId }) {
      const row = newestRow(table).get(logId)
      return row && { monotonic_seq: Number(row['monotonic_seq']), hash: text(row['hash']) }
    },
    hashAt({ table, logId }, monotonic_seq) {
      const row = hashAt(table).get(logId, monotonic_seq, logId, monotonic_seq)
      return row && text(row['hash'])
    },
  }
}
