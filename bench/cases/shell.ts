// SPDX-License-Identifier: Apache-2.0
// What an administrator would type: the same rows into the same table and indices through the sqlite3 shell, once as
// `.import` of a CSV file (one transaction) and once as a script of INSERT statements. The files are written before the clock starts.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createWriteStream, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { finished } from 'node:stream/promises'
import { answer } from './answer.ts'

export interface ShellParams {
  readonly source: string
  readonly target: string
  readonly table: string
  readonly rowsPerCommit: number
  readonly way: 'import' | 'script'
}

export interface ShellResult {
  readonly rows: number
  readonly rowsPerSecond: number
}

await answer(async ({ source, target, table, rowsPerCommit, way }: ShellParams): Promise<ShellResult> => {
  const from = new DatabaseSync(source, { readOnly: true })
  const ddl = from
    .prepare(
      `SELECT sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY type = 'table' DESC`,
    )
    .all(table)
    .map((each) => `${String(each['sql'])};\n`)
  const input = `${target}.${way === 'import' ? 'csv' : 'sql'}`
  const file = createWriteStream(input)
  const rows = from.prepare(`SELECT * FROM "${table}"`)
  rows.setReturnArrays(true)
  let count = 0
  for (const cells of rows.iterate() as Iterable<unknown>) {
    const values = cells as readonly (string | number | null)[]
    if (way === 'import') file.write(`${values.map(asCsv).join(',')}\n`)
    else {
      if (count % rowsPerCommit === 0)
        file.write(count === 0 ? 'BEGIN IMMEDIATE;\n' : 'COMMIT;\nBEGIN IMMEDIATE;\n')
      file.write(`INSERT INTO "${table}" VALUES(${values.map(asSql).join(',')});\n`)
    }
    count += 1
  }
  if (way === 'script') file.write('COMMIT;\n')
  file.end()
  await finished(file)

  const setUp = `PRAGMA journal_mode = WAL;\nPRAGMA synchronous = FULL;\nPRAGMA cache_size = -65536;\n${ddl.join('')}`
  shell(target, setUp)
  const start = performance.now()
  shell(
    target,
    `PRAGMA synchronous = FULL;\nPRAGMA cache_size = -65536;\n${way === 'import' ? `.import --csv "${input}" ${table}\n` : `.read "${input}"\n`}`,
  )
  const seconds = (performance.now() - start) / 1000

  const into = new DatabaseSync(target)
  if (leavesOf(into, table) !== leavesOf(from, table))
    throw new Error(`${target} does not hold the ${count} rows of ${source}`)
  into.close()
  from.close()
  rmSync(input)
  return { rows: count, rowsPerSecond: count / seconds }
})

function shell(database: string, input: string): void {
  const { status, stderr } = spawnSync('sqlite3', ['-bail', database], { input, encoding: 'utf8' })
  if (status !== 0 || stderr !== '') throw new Error(`sqlite3 ended with ${status}: ${stderr}`)
}

function leavesOf(database: DatabaseSync, table: string): string {
  const hash = createHash('sha256')
  for (const { leaf } of database.prepare(`SELECT leaf FROM "${table}" ORDER BY position`).iterate())
    hash.update(String(leaf))
  return hash.digest('hex')
}

/** The shell knows no NULL in CSV; a 0 stands for it, which columns of numbers and of text both take. */
function asCsv(value: string | number | null): string {
  return value === null ? '0' : `"${String(value).replaceAll('"', '""')}"`
}

function asSql(value: string | number | null): string {
  return value === null
    ? 'NULL'
    : typeof value === 'number'
      ? String(value)
      : `'${value.replaceAll("'", "''")}'`
}
