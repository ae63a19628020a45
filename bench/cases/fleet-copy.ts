// SPDX-License-Identifier: Apache-2.0
// The audit rows of a fleet copied into another one's empty table, with the same indices, and into a table without any: psql's \copy, or COPY
// through pg-copy-streams.
import { execFileSync } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Client } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { hasProgram } from '../measure/machine.ts'
import { ask } from '../subjects/postgres-rows.ts'
import { answer } from './answer.ts'

export interface FleetCopyParams {
  readonly source: string
  /** The rows of this log. */
  readonly log: string
  readonly rows: number
  /** A database with a fleet's tables and no rows in them. */
  readonly target: string
  readonly folder: string
}

export interface FleetCopyResult {
  readonly indexed: number
  readonly bare: number
  readonly way: 'psql \\copy' | 'COPY by pg-copy-streams'
}

await answer(async ({ source, log, rows, target, folder }: FleetCopyParams): Promise<FleetCopyResult> => {
  const file = join(folder, 'fleet.copy')
  const isPsql = hasProgram('psql')
  await ask(target, 'DROP TABLE IF EXISTS fleet.bare; CREATE TABLE fleet.bare (LIKE fleet.audit_log)')
  const select = `SELECT * FROM fleet.audit_log WHERE log_id = (SELECT log_id FROM fleet.fasten_logs WHERE log = '${log}')`
  const out = `(${select} ORDER BY position) TO`
  if (isPsql) psql(source, `\\copy ${out} '${file}'`)
  else
    await withClient(source, async (client) =>
      pipeline(client.query(copyTo(`COPY ${out} STDOUT`)), createWriteStream(file)),
    )
  const into = async (table: string): Promise<number> => {
    const start = performance.now()
    if (isPsql) psql(target, `\\copy ${table} FROM '${file}'`)
    else
      await withClient(target, async (client) =>
        pipeline(createReadStream(file), client.query(copyFrom(`COPY ${table} FROM STDIN`))),
      )
    const seconds = (performance.now() - start) / 1000
    const [found] = await ask(target, `SELECT count(*)::int AS rows FROM ${table}`)
    if (found?.['rows'] !== rows) throw new Error(`${found?.['rows']} of ${rows} rows in ${table}`)
    return rows / seconds
  }
  return {
    indexed: await into('fleet.audit_log'),
    bare: await into('fleet.bare'),
    way: isPsql ? 'psql \\copy' : 'COPY by pg-copy-streams',
  }
})

function psql(dsn: string, command: string): void {
  execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', command, dsn], { stdio: 'pipe' })
}

async function withClient(dsn: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: dsn })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
