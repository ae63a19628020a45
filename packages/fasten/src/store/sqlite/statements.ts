// SPDX-License-Identifier: Apache-2.0
import type { SqliteArrayStatement, SqliteConnection, SqliteStatement } from './driver.ts'

/** Prepared statements of one connection by their text. Integers arrive as BigInt. */
export interface Statements {
  prepare(sql: string): SqliteStatement
  prepareArrays(sql: string): SqliteArrayStatement
}

/**
 * Keeps the most recently used statements of a connection, `statementsMax` of each kind: filters come in few shapes, and preparing
 * one costs more than a look-up by id.
 */
export function createStatements(connection: SqliteConnection, statementsMax = 64): Statements {
  return {
    prepare: cached((sql) => connection.prepare(sql, { hasBigInts: true }), statementsMax),
    prepareArrays: cached((sql) => connection.prepareArrays(sql), statementsMax),
  }
}

function cached<T>(make: (sql: string) => T, entriesMax: number): (sql: string) => T {
  const cache = new Map<string, T>()
  return (sql) => {
    const known = cache.get(sql)
    const statement = known ?? make(sql)
    // A Map lists its keys in the order they were set, so the first is the longest unused.
    if (known !== undefined) cache.delete(sql)
    else if (cache.size >= entriesMax) cache.delete(cache.keys().next().value ?? '')
    cache.set(sql, statement)
    return statement
  }
}
