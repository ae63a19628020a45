// SPDX-License-Identifier: Apache-2.0
// Compiles insert.c once and runs it: the fastest way to put these rows into this table that we know of.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { answer } from './answer.ts'
import type { InsertParams, InsertResult } from './insert.ts'

export type CompiledParams = InsertParams & {
  /** Where the program is kept between rounds. */
  readonly program: string
}

await answer(
  async ({
    source,
    target,
    table,
    rowsPerCommit,
    program,
  }: CompiledParams): Promise<Omit<InsertResult, 'cpuMicros'>> => {
    if (!existsSync(program)) {
      execFileSync('cc', [
        '-O2',
        '-o',
        program,
        fileURLToPath(new URL('./insert.c', import.meta.url)),
        '-lsqlite3',
      ])
    }
    const [rows = 0, seconds = Number.NaN] = execFileSync(
      program,
      [source, target, table, String(rowsPerCommit)],
      { encoding: 'utf8' },
    )
      .trim()
      .split(' ')
      .map(Number)
    const into = new DatabaseSync(target)
    into.exec(`ATTACH '${source}' AS source`)
    const missing = into
      .prepare(
        `SELECT count(*) AS rows FROM (SELECT * FROM source."${table}" EXCEPT SELECT * FROM main."${table}")`,
      )
      .get()
    into.close()
    if (missing?.['rows'] !== 0) throw new Error(`${target} lacks ${missing?.['rows']} of ${rows} rows`)
    return { rows, rowsPerSecond: rows / seconds }
  },
)
