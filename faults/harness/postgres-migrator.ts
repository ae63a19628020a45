// SPDX-License-Identifier: Apache-2.0
/**
 * A process that migrates a Postgres database and dies by SIGKILL before the query of that number.
 *
 * argv: DSN, `kill` or `count` (dies nowhere, says how many there are), number, how many of the released migrations to know.
 */
import { Client } from 'pg'
import { migrate } from '../../packages/fasten/src/store/postgres/migrate.ts'
import { migrations } from '../../packages/fasten/src/store/postgres/schema.ts'
import { sqlOf } from '../../packages/fasten/src/store/postgres/sql.ts'

const [dsn = '', how = 'kill', at = '0', known = '0'] = process.argv.slice(2)
let queries = 0
const client = new Client({ connectionString: dsn })
await client.connect()
const query = client.query.bind(client) as (...values: unknown[]) => unknown
Object.assign(client, {
  query(...values: unknown[]): unknown {
    queries++
    if (how !== 'count' && queries === Number(at)) process.kill(process.pid, 'SIGKILL')
    return query(...values)
  },
})
await migrate(sqlOf(client), {
  at: 'test',
  schema: 'public',
  tables: { audit: 'audit_log', sys: 'sys_log', api: 'api_log' },
  createdAt: '2031-03-01T00:00:00.000000Z',
  createdBy: 'fasten 0.0.0',
  migrations: migrations.slice(0, Number(known)),
})
await client.end()
process.stdout.write(`${queries}\n`)
