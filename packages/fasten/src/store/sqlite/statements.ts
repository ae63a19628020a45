// SPDX-License-Identifier: Apache-2.0
import type { SqliteConnection, SqliteStatement } from './driver.ts'

/** The prepared statement of a text; its integers arrive as BigInt. */
export type StatementCache = (sql: string) => SqliteStatement

/**
 * Keeps the `statementsMax` most recently used statements of a connection: filters come in few shapes, and preparing one
 * costs more than a look-up by id.
 */
export function createStatementCache(connection: SqliteConnection, statementsMax = 64): StatementCache {
  const cache = new Map<string, SqliteStatement>()
  return (sql) => {
    const known = cache.get(sql)
    const statement = known ?? connection.prepare(sql, { hasBigInts: true })
    // A Map lists its keys in the order they were set, so the first is the longest unused.
    if (known !== undefined) cache.delete(sql)
    else if (cache.size >= statementsMax) cache.delete(cache.keys().next().value ?? '')
    cache.set(sql, statement)
    return statement
  }
}
