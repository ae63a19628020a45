// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module'
import { FastenError } from '../../core/error.ts'
import { nodeDriver, type SqliteDriverName } from './driver.ts'

/** Which copy of SQLite answers: its source and how it was compiled. Two copies of one version differ in the latter. */
export const buildQuery = `SELECT sqlite_source_id() AS source,
  (SELECT group_concat(compile_options, ' ') FROM pragma_compile_options) AS options`

/** The text of `buildQuery`'s answer for the copy behind a driver; undefined when it cannot be loaded without waiting. */
export function buildOf(driver: SqliteDriverName): string | undefined {
  return buildText(driver === 'node:sqlite' ? nodeBuild() : betterBuild())
}

export function buildText(row: unknown): string | undefined {
  if (typeof row !== 'object' || row === null || !('source' in row) || !('options' in row)) return undefined
  return `${String(row.source)} ${String(row.options)}`
}

function nodeBuild(): unknown {
  const connection = nodeDriver().open(':memory:', { isReadOnly: false, busyTimeoutMs: 0 })
  try {
    return connection.prepare(buildQuery).get()
  } finally {
    connection.close()
  }
}

interface Better {
  prepare(sql: string): { get(): unknown }
  close(): void
}

function betterBuild(): unknown {
  const name: string = 'better-sqlite3'
  let Database: new (path: string) => Better
  try {
    Database = createRequire(import.meta.url)(name) as typeof Database
  } catch (cause) {
    throw new FastenError('ENGINE_MISSING', 'better-sqlite3 could not be loaded', {
      at: 'better-sqlite3',
      hint: 'npm install better-sqlite3@13, or leave FASTEN_SQLITE_DRIVER at node:sqlite',
      cause,
    })
  }
  const database = new Database(':memory:')
  try {
    return database.prepare(buildQuery).get()
  } finally {
    database.close()
  }
}
