// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../../store/postgres/fixtures/server.ts'
import { outboxRows, soundRows, startOn, type SharedDatabase } from './fixtures/transaction-contract.ts'
import { openBeside } from '../../store/sqlite/fixtures/beside.ts'

const server = await startPostgres()
after(() => server.remove())

const engines: Readonly<
  Record<string, (folder: string) => Promise<{ readonly database: SharedDatabase; readonly path: string }>>
> = {
  async SQLite(folder) {
    const path = join(folder, 'app.db')
    return {
      path,
      database: databaseOf(`sqlite:///${path}`, folder, async (text) => {
        const connection = openBeside(path)
        try {
          return connection.prepare(text).all()
        } finally {
          connection.close()
        }
      }),
    }
  },
  async Postgres(folder) {
    const url = await server.freshDatabase()
    return { path: '', database: databaseOf(url, folder, (text) => server.query(text, [], url)) }
  },
}

for (const [engine, make] of Object.entries(engines))
  describe(`a process killed in a business transaction on ${engine}`, { timeout: 600_000 }, () => {
    for (const [when, isThere] of [
      ['before', false],
      ['after', true],
    ] as const)
      test(`${when} its COMMIT: ${isThere ? 'change and event are both there' : 'neither change nor event is there'}`, async () => {
        const folder = mkdtempSync(join(tmpdir(), 'fasten-crash-'))
        const { database, path } = await make(folder)
        try {
          await database.sql('CREATE TABLE orgs (id TEXT)')
          await database.sql("INSERT INTO orgs VALUES ('1')")
          const child = spawn(
            process.execPath,
            [
              fileURLToPath(new URL('./fixtures/dying-child.ts', import.meta.url)),
              database.dsn,
              path,
              when,
              folder,
            ],
            { stdio: ['ignore', 'pipe', 'inherit'] },
          )
          const heard = once(child.stdout, 'data')
          const [, signal] = (await once(child, 'exit')) as [number | null, string | null]
          assert.deepEqual([String(await heard), signal], ['ready\n', 'SIGKILL'])
          // The next process of the database moves what the dead one had committed.
          const next = startOn(database)
          await next.ready(60_000)
          next.emit({ code: 'ORG_RENAMED', target: 'org:2' })
          assert.equal(await next.flush(), true)
          while ((await outboxRows(database)) > 0) await new Promise((resolve) => setTimeout(resolve, 20))
          await next.close()
          const rows = await soundRows(database.dsn)
          assert.deepEqual(
            {
              orgs: (await database.sql('SELECT id FROM orgs')).length,
              events: rows.filter(({ code }) => code === 'ORG_DELETED').length,
            },
            isThere ? { orgs: 0, events: 1 } : { orgs: 1, events: 0 },
          )
        } finally {
          rmSync(folder, { recursive: true, force: true })
        }
      })
  })

function databaseOf(dsn: string, folder: string, sql: SharedDatabase['sql']): SharedDatabase {
  return {
    dsn,
    options: { spool_dir: join(folder, 'spool'), key_dir: join(folder, 'keys') },
    open: () => Promise.reject(new TypeError('the child opens its own')),
    sql,
    remove: () => Promise.resolve(),
  }
}
