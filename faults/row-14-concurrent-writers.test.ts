// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { createChance } from './harness/chance.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { readLedger } from './harness/ledger.ts'
import { makeFolder, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { postgresPlace } from './harness/postgres-place.ts'
import { recover, startWriter } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { onlyTorture, times } from './harness/scale.ts'

const chance = createChance()
const writers = 8

describe('row 14: many writers of one log', () => {
  test('eight processes, stopped and resumed at random instants: no fork, no hole, SQLite', async (t) => {
    await crowd(t, sqlitePlace(subfolder(makeFolder(t), 'system')), 'SQLite')
  })

  test('the same on Postgres', { skip: onlyTorture }, async (t) => {
    await crowd(t, (await postgresPlace(t)).place, 'Postgres')
  })

  test('bites: a writer that trusts the head it read, without a lock and without a constraint, forks', (t) => {
    const path = join(makeFolder(t), 'naive.db')
    const open = (): DatabaseSync => new DatabaseSync(path, { timeout: 1000 })
    const [one, other] = [open(), open()]
    one.exec('CREATE TABLE rows (seq INTEGER, writer TEXT)')
    const headOf = (database: DatabaseSync): number =>
      Number(database.prepare('SELECT count(*) AS n FROM rows').get()?.['n'])
    for (let round = 0; round < 20; round++) {
      const heads = [headOf(one), headOf(other)]
      for (const [index, database] of [one, other].entries())
        database.prepare('INSERT INTO rows VALUES (?, ?)').run(heads[index] ?? 0, String(index))
    }
    const forks = Number(one.prepare('SELECT count(*) - count(DISTINCT seq) AS n FROM rows').get()?.['n'])
    one.close()
    other.close()
    reportControl(t, 14, { broken: 'no lock and no constraint', harm: 'forks', count: forks })
  })
})

async function crowd(t: TestContext, place: Place, engine: string): Promise<void> {
  const folder = makeFolder(t)
  const rowsMax = times({ short: 25, long: 20_000 })
  const ledgers = Array.from({ length: writers }, (_, index) => join(folder, `ledger-${index}`))
  const running = ledgers.map((ledger) =>
    startWriter({
      place,
      ledger,
      service: 'one-log',
      promise: 'stored',
      perTurn: 5,
      rowsMax,
      ending: 'close',
    }),
  )
  atEnd(t, () => running.map(({ child }) => child.kill('SIGKILL')))
  await Promise.all(running.map(({ hears }) => hears('ready')))
  let stops = 0
  const over = Promise.all(running.map(({ hears }) => hears('done')))
  while (!running.every(({ said }) => said.includes('done'))) {
    // Whoever holds the lock is among them now and then; the others wait, give up, and come again.
    const { child } = chance.pick(running)
    child.kill('SIGSTOP')
    await pause(chance.between(20, 300))
    child.kill('SIGCONT')
    stops++
    await pause(20)
  }
  await over
  await recover(place)
  const attack = {
    row: 14,
    attacked: `SIGSTOP of one of ${writers} processes on one log, ${engine}`,
    times: stops,
  }
  report(t, attack, await judge(place, readLedger(...ledgers)), writers * rowsMax)
}
