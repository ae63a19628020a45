// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test, type TestContext } from 'node:test'
import type { AuditDraft } from '../packages/fasten/src/core/row.ts'
import { createSystemClock } from '../packages/fasten/src/store/platform.ts'
import { drainSlice } from '../packages/fasten/src/store/drain.ts'
import { createSpoolReader } from '../packages/fasten/src/store/spool/reader.ts'
import { createSpoolWriter } from '../packages/fasten/src/store/spool/writer.ts'
import { draftText } from '../packages/fasten/src/core/leaf.ts'
import { logName } from '../packages/fasten/src/core/log-name.ts'
import type { Clean } from '../packages/fasten/src/core/row.ts'
import { createSampleDrafts } from '../packages/fasten/src/testing/sample-drafts.ts'
import { createChance } from './harness/chance.ts'
import { batchOf, openPlace } from './harness/drafts.ts'
import { judge } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { postgresPlace } from './harness/postgres-place.ts'
import { recover, startWriter } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { onlyTorture, times } from './harness/scale.ts'

const chance = createChance()

describe('row 8: the same rows more than once', () => {
  test('each batch is sent 1 to 3 times by two senders, and again later: stored once, SQLite', async (t) => {
    await deliverAgain(t, sqlitePlace(subfolder(makeFolder(t), 'system')), 'SQLite')
  })

  test('the same on Postgres', { skip: onlyTorture }, async (t) => {
    await deliverAgain(t, (await postgresPlace(t)).place, 'Postgres')
  })

  test('the same id with other content is a fork: told by a code, both kept', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const store = await openPlace(place)
    const samples = createSampleDrafts()
    const drafts = Array.from({ length: 20 }, () => samples.audit())
    await store.append(batchOf('00000000000000aa', 20, drafts))
    const id = '00000000000000bb'
    const directory = join(subfolder(place.spoolRoot, ''), id)
    const writer = createSpoolWriter({ id, directory })
    const forged = drafts.map((draft, index) => (index % 2 === 0 ? draft : { ...draft, actor: 'u-666' }))
    for (const draft of forged) writer.append(logName(draft), draftText(draft as Clean))
    writer.close()
    const reader = createSpoolReader(id, directory)
    const drained = await drainSlice(
      { sink: store, root: place.spoolRoot, clock: createSystemClock(), rowsMax: 100 },
      reader,
      0,
      reader.end(),
    )
    reader.close()
    await store.close()
    assert.deepEqual(
      drained.quarantined.map(({ code }) => code),
      Array.from({ length: 10 }, () => 'ROW_DUPLICATE'),
    )
    const judged = await judge(place, new Set(drafts.map((draft) => draft.id)))
    assert.deepEqual(
      judged.quarantined.map((entry) => entry.id).toSorted(),
      drafts.flatMap((draft, index) => (index % 2 === 1 ? [draft.id] : [])).toSorted(),
    )
    report(t, { row: 8, attacked: 'an id with other content', times: 10 }, judged)
  })

  test('processes race to adopt what the dead left: stored once', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const ledgers: string[] = []
    const rounds = times({ short: 1, long: 20 })
    for (let round = 0; round < rounds; round++) {
      const dead = [0, 1, 2].map((index) => join(folder, `ledger-${round}-${index}`))
      ledgers.push(...dead)
      await Promise.all(
        dead.map(async (ledger, index) => {
          const job = {
            place,
            ledger,
            service: `s-${index}`,
            promise: 'accepted',
            perTurn: 20,
            rowsMax: 400,
            ending: 'stay',
          } as const
          const { child, hears, ended } = startWriter(job)
          await hears('done')
          child.kill('SIGKILL')
          await ended
        }),
      )
      await Promise.all([recover(place), recover(place), recover(place)])
    }
    const judged = await judge(place, readLedger(...ledgers))
    report(t, { row: 8, attacked: 'three adopters of three dead processes', times: rounds }, judged, 100)
    assert.equal(judged.spoolsLeft, 0)
  })
})

async function deliverAgain(t: TestContext, place: Place, engine: string): Promise<void> {
  const folder = makeFolder(t)
  const path = join(folder, 'ledger')
  const ledger = openLedger(path)
  const store = await openPlace(place)
  const naive = new DatabaseSync(':memory:')
  naive.exec('CREATE TABLE rows (id TEXT)')
  const add = naive.prepare('INSERT INTO rows VALUES (?)')
  let deliveries = 0
  const send = async (spool: string, position: number, drafts: readonly AuditDraft[]): Promise<void> => {
    const { appended, rejected } = await store.append(batchOf(spool, position, drafts))
    assert.deepEqual([appended.map(({ id }) => id), rejected], [drafts.map(({ id }) => id), []])
    ledger.ack(drafts.map(({ id }) => id))
    for (const { id } of drafts) add.run(id)
    deliveries++
  }
  const samples = createSampleDrafts()
  const batches = Array.from({ length: times({ short: 30, long: 3000 }) }, () =>
    Array.from({ length: chance.between(1, 8) }, () => samples.audit()),
  )
  for (const [index, drafts] of batches.entries()) {
    for (let sent = chance.between(1, 3); sent > 0; sent--)
      await send(chance.pick(['00000000000000aa', '00000000000000bb']), index + 1, drafts)
    if (index % 7 === 6) await send('00000000000000cc', index, batches[chance.between(0, index)] ?? [])
  }
  await store.close()
  ledger.close()
  report(
    t,
    { row: 8, attacked: `batches delivered again, ${engine}`, times: deliveries },
    await judge(place, readLedger(path)),
  )
  const twice = naive.prepare('SELECT count(*) - count(DISTINCT id) AS n FROM rows').get()?.['n']
  naive.close()
  reportControl(t, 8, {
    broken: 'a table that takes what it gets',
    harm: 'rows stored twice',
    count: Number(twice),
  })
}
