// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describe, test, type TestContext } from 'node:test'
import { addUp } from './harness/add-up.ts'
import { createChance } from './harness/chance.ts'
import { atEnd } from './harness/endings.ts'
import { judge, type Judgement } from './harness/judge.ts'
import { onePromiseMore, readLedger } from './harness/ledger.ts'
import { makeLoopDisk } from './harness/loop-disk.ts'
import { makeFolder, sqlitePlace } from './harness/place.ts'
import { recover, startWriter, type Sabotage } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'

const chance = createChance()
const instants = times({ short: 3, long: 250 })

/** A writer on a disk of its own; at random instants its power fails, and what a restart finds is held against the ledger. */
describe('row 2: power loss', () => {
  for (const [promise, what] of [
    ['durable', 'whose `durable` had resolved'],
    ['stored', 'whose `stored` had resolved'],
  ] as const)
    test(`loses no row ${what}`, async (t) => {
      const judged = await losePower(t, promise, instants)
      if ('why' in judged) return t.skip(judged.why)
      report(t, { row: 2, attacked: `power loss while rows are ${promise}`, times: instants }, judged)
    })

  test('bites: without a flush of the spool, durable rows are lost', async (t) => {
    const judged = await losePower(t, 'durable', 2, { sabotage: 'no-flush' })
    if ('why' in judged) return t.skip(judged.why)
    reportControl(t, 2, { broken: 'no flush of the spool', harm: 'rows lost', count: judged.lost.length })
  })

  test('bites: with synchronous = NORMAL, and no spool to store them again from, stored rows are lost', async (t) => {
    const judged = await losePower(t, 'stored', 2, { sabotage: 'sync-normal', keepsSpool: false })
    if ('why' in judged) return t.skip(judged.why)
    reportControl(t, 2, { broken: 'synchronous = NORMAL', harm: 'rows lost', count: judged.lost.length })
  })

  test('the same without a spool, as it is: stored rows survive by the database alone', async (t) => {
    const judged = await losePower(t, 'stored', times({ short: 2, long: 50 }), { keepsSpool: false })
    if ('why' in judged) return t.skip(judged.why)
    report(
      t,
      { row: 2, attacked: 'power loss of a database alone', times: times({ short: 2, long: 50 }) },
      judged,
    )
  })
})

/** Every instant's judgement, added up. */
async function losePower(
  t: TestContext,
  promise: 'durable' | 'stored',
  count: number,
  { sabotage, keepsSpool = true }: { readonly sabotage?: Sabotage; readonly keepsSpool?: boolean } = {},
): Promise<Judgement | { readonly why: string }> {
  const disk = makeLoopDisk(t, 48)
  if ('why' in disk) return disk
  const ledger = join(makeFolder(t), 'ledger')
  const writer = startWriter(
    {
      place: sqlitePlace(disk.folder),
      ledger,
      service: 'svc',
      promise,
      perTurn: 10,
      ...(keepsSpool ? {} : { durability: 'memory' as const }),
    },
    sabotage === undefined ? {} : { sabotage },
  )
  atEnd(t, async () => {
    writer.child.kill('SIGKILL')
    await writer.ended
  })
  await writer.hears('ready')
  const all: Judgement[] = []
  for (let instant = 0; instant < count; instant++) {
    await onePromiseMore(ledger)
    await pause(chance.between(20, 180))
    const copy = await disk.powerLoss(writer.child.pid ?? 0, () => readLedger(ledger))
    // While the copy is judged, for however long, the writer must not fill its disk.
    writer.child.kill('SIGSTOP')
    try {
      const place = sqlitePlace(copy.folder)
      // What is broken on purpose may leave a disk on which nothing starts; the files are judged as they lie.
      await recover(place).catch((error: unknown) =>
        sabotage === undefined ? Promise.reject(error) : undefined,
      )
      all.push(await judge(place, copy.answer))
    } finally {
      copy.remove()
      writer.child.kill('SIGCONT')
    }
  }
  return addUp(all)
}
