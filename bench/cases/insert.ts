// SPDX-License-Identifier: Apache-2.0
// The peer that has nothing else to do: the rows of a store we wrote, inserted again by prepared statements of node:sqlite
// into the same table with the same indices, in transactions of a given size, fsync on commit.
import { createHash } from 'node:crypto'
import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { answer } from './answer.ts'

export interface InsertParams {
  /** A store of ours that already holds the rows. */
  readonly source: string
  readonly target: string
  readonly table: string
  readonly rowsPerCommit: number
}

export interface InsertResult {
  readonly rows: number
  readonly rowsPerSecond: number
  readonly cpuMicros: number
}

await answer(async ({ source, target, table, rowsPerCommit }: InsertParams): Promise<InsertResult> => {
  const from = new DatabaseSync(source, { readOnly: true })
  const ddl = from
    .prepare(
      `SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'table' DESC`,
    )
    .all(table)
    .map((each) => String(each['sql']))
  const select = from.prepare(`SELECT * FROM "${table}"`)
  select.setReturnArrays(true)
  const rows = select.all() as unknown as SQLInputValue[][]
  const cachePages = Number(from.prepare('PRAGMA cache_size').get()?.['cache_size'])
  from.close()

  const into = new DatabaseSync(target)
  into.exec(
    `PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = ${Math.min(cachePages, -65_536)};`,
  )
  for (const statement of ddl) into.exec(statement)
  const insert = into.prepare(`INSERT INTO "${table}" VALUES (${(rows[0] ?? []).map(() => '?').join(', ')})`)

  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  for (let i = 0; i < rows.length; i += rowsPerCommit) {
    into.exec('BEGIN IMMEDIATE')
    for (const row of rows.slice(i, i + rowsPerCommit)) insert.run(...row)
    into.exec('COMMIT')
  }
  const seconds = (performance.now() - start) / 1000
  const cpu = process.cpuUsage(cpuBefore)

  const again = into.prepare(`SELECT * FROM "${table}"`)
  again.setReturnArrays(true)
  const copy = again.all() as unknown as SQLInputValue[][]
  if (digestOf(copy) !== digestOf(rows))
    throw new Error(`${target} does not hold the ${rows.length} rows of ${source}`)
  into.close()
  return {
    rows: rows.length,
    rowsPerSecond: rows.length / seconds,
    cpuMicros: (cpu.user + cpu.system) / rows.length,
  }
})

function digestOf(rows: readonly SQLInputValue[][]): string {
  const hash = createHash('sha256')
  for (const row of rows)
    for (const value of row)
      hash.update(typeof value === 'object' && value !== null ? JSON.stringify(value) : `${value}`)
  return hash.digest('hex')
}
