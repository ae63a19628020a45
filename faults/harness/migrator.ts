// SPDX-License-Identifier: Apache-2.0
/**
 * A process that migrates a SQLite file and dies by SIGKILL before the statement of that number.
 *
 * argv: path, `kill` or `count` (dies nowhere, says how many there are) or `bare` (kill, and the statements run without the
 * transaction), number, tables as JSON.
 */
import { loadSqliteDriver } from '../../packages/fasten/src/store/sqlite/driver.ts'
import { hookedDriver } from '../../packages/fasten/src/store/sqlite/fixtures/faulty-driver.ts'
import { migrate } from '../../packages/fasten/src/store/sqlite/migrate.ts'

const [path = '', how = 'kill', at = '0', tables = '{}'] = process.argv.slice(2)
let statements = 0
const driver = hookedDriver(await loadSqliteDriver(), (_sql, when) => {
  if (when === 'before') statements++
  if (how !== 'count' && statements === Number(at)) process.kill(process.pid, 'SIGKILL')
})
const opened = driver.open(path, { isReadOnly: false, busyTimeoutMs: 1000 })
const connection =
  how === 'bare'
    ? {
        ...opened,
        exec: (sql: string) => opened.exec(/^(BEGIN|COMMIT|ROLLBACK)/.test(sql) ? 'SELECT 1' : sql),
      }
    : opened
migrate(connection, {
  path,
  tables: JSON.parse(tables) as Record<'audit' | 'sys' | 'api', string>,
  createdAt: '2031-03-01T00:00:00.000000Z',
  createdBy: 'fasten 0.0.0',
})
connection.close()
process.stdout.write(`${statements}\n`)
