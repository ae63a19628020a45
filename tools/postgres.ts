// SPDX-License-Identifier: Apache-2.0
/**
 * A database of its own for a program that wants one: on the Postgres of `DATABASE_URL`, else on a throw-away server. Prints its URL as one line
 * and keeps it until standard input ends, however whoever started it dies; then everything is gone. `examples/edge` starts it.
 */
import { startPostgres } from '../packages/fasten/src/store/postgres/fixtures/server.ts'

const server = await startPostgres()
process.stdout.write(`${await server.freshDatabase()}\n`)
// On a terminal Ctrl-C reaches everybody at once; whoever uses the database ends first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})
process.stdin.resume().once('end', () => {
  void server.remove()
})
