// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { createChance } from './harness/chance.ts'
import { judge } from './harness/judge.ts'
import { onePromiseMore, readLedger } from './harness/ledger.ts'
import { makeFolder, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { postgresPlace } from './harness/postgres-place.ts'
import { recover, startWriter } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import type { WriterJob } from './harness/writer.ts'

const chance = createChance()

/**
 * Two processes emit at full speed into one place (one log in every other round, two logs in the others) and are killed with
 * SIGKILL at random instants; what they leave goes on to the next round. Every tenth round a new process adopts the rest.
 */
describe('row 1: kill -9 while rows are on their way', () => {
  // In lots on a fresh file each, so that files stay small.
  const lots = times({ short: 1, long: 20 })
  const rounds = times({ short: 5, long: 100 })
  for (let lot = 1; lot <= lots; lot++)
    test(`loses no row whose emit had returned, SQLite, lot ${lot}`, async (t) => {
      const folder = makeFolder(t)
      const place = sqlitePlace(subfolder(folder, 'system'))
      const { acked, restarts } = await killRounds(place, folder, rounds, 'process')
      const judged = await judge(place, acked)
      restarts.sort((a, b) => a - b)
      const also = `restart to first durable row ${(restarts[restarts.length >> 1] ?? 0).toFixed(0)} ms median, ${restarts.at(-1)?.toFixed(0)} ms worst`
      report(
        t,
        { row: 1, attacked: 'kill -9 of an emitting process', times: rounds * 2, also },
        judged,
        rounds,
      )
      assert.deepEqual([judged.quarantined, judged.spoolsLeft], [[], 0])
    })

  test('loses no row whose emit had returned, Postgres', async (t) => {
    const { place } = await postgresPlace(t)
    const count = times({ short: 2, long: 100 })
    const { acked } = await killRounds(place, makeFolder(t), count, 'process')
    const judged = await judge(place, acked)
    report(
      t,
      { row: 1, attacked: 'kill -9 of an emitting process, Postgres', times: count * 2 },
      judged,
      count,
    )
    assert.deepEqual([judged.quarantined, judged.spoolsLeft], [[], 0])
  })

  test('bites: a queue in memory loses rows', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const { acked } = await killRounds(place, folder, 2, 'memory')
    const { lost } = await judge(place, acked)
    reportControl(t, 1, { broken: 'a queue in memory', harm: 'rows lost', count: lost.length })
  })
})

async function killRounds(
  place: Place,
  folder: string,
  rounds: number,
  durability: WriterJob['durability'],
): Promise<{ readonly acked: ReadonlySet<string>; readonly restarts: number[] }> {
  const restarts: number[] = []
  const ledgers = [join(folder, 'ledger-1'), join(folder, 'ledger-2')]
  for (let round = 0; round < rounds; round++) {
    const services = ['service-a', round % 2 === 0 ? 'service-b' : 'service-a']
    await Promise.all(
      services.map(async (service, index) => {
        const ledger = ledgers[index] ?? ''
        const { child, hears, ended } = startWriter({
          place,
          ledger,
          service,
          promise: 'accepted',
          perTurn: 20,
          ...(durability === undefined ? {} : { durability }),
        })
        await hears('ready')
        // Every other kill waits for the first promise, so that a slow machine kills no newcomers only.
        if (index === 0) await onePromiseMore(ledger)
        setTimeout(() => child.kill('SIGKILL'), chance.next() * 120)
        assert.equal((await ended).signal, 'SIGKILL')
      }),
    )
    if (round % 10 === 9 || round === rounds - 1) restarts.push((await recover(place)).firstDurableMs)
  }
  return { acked: readLedger(...ledgers), restarts }
}
