// SPDX-License-Identifier: Apache-2.0
// The rows of one store copied into the same table, with the same indices, of another: psql's \copy, or COPY through pg-copy-streams.
import { execFileSync } from 'node:child_process'
import { createReadStream, createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { openStore } from 'fasten/store'
import { Client } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import { hasProgram } from '../measure/machine.ts'
import { countPostgresRows } from '../subjects/postgres-rows.ts'
import { answer } from './answer.ts'

export interface PostgresCopyParams {
  readonly source: string
  /** An empty database. */
  readonly target: string
  readonly folder: string
  readonly rows: number
}

export interface PostgresCopyResult {
  readonly rowsPerSecond: number
  readonly way: 'psql \\copy' | 'COPY by pg-copy-streams'
}

await answer(async ({ source, target, folder, rows }: PostgresCopyParams): Promise<PostgresCopyResult> => {
  await (await openStore({ dsn: { kind: 'postgres', url: target }, streams: ['audit'] })).close()
  const file = join(folder, 'rows.copy')
  const isPsql = hasProgram('psql')
  const psql = (dsn: string, command: string): void =>
    void execFileSync('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', command, dsn], { stdio: 'pipe' })
  const out = `COPY (SELECT * FROM audit_log) TO STDOUT`
  if (isPsql) psql(source, `\\copy (SELECT * FROM audit_log) TO '${file}'`)
  else
    await withClient(source, async (client) => pipeline(client.query(copyTo(out)), createWriteStream(file)))
  const start = performance.now()
  if (isPsql) psql(target, `\\copy audit_log FROM '${file}'`)
  else
    await withClient(target, async (client) =>
      pipeline(createReadStream(file), client.query(copyFrom('COPY audit_log FROM STDIN'))),
    )
  const seconds = (performance.now() - start) / 1000
  await countPostgresRows(target, rows)
  return { rowsPerSecond: rows / seconds, way: isPsql ? 'psql \\copy' : 'COPY by pg-copy-streams' }
})

async function withClient(dsn: string, work: (client: Client) => Promise<void>): Promise<void> {
  const client = new Client({ connectionString: dsn })
  await client.connect()
  try {
    await work(client)
  } finally {
    await client.end()
  }
}
