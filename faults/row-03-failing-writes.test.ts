// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createChance } from './harness/chance.ts'
import { atEnd } from './harness/endings.ts'
import { judge, type Judgement } from './harness/judge.ts'
import { addUp } from './harness/add-up.ts'
import { readLedger } from './harness/ledger.ts'
import { makeLoopDisk } from './harness/loop-disk.ts'
import { makeFolder, sqlitePlace, subfolder } from './harness/place.ts'
import { recover, startWriter, type Sabotage } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { isTorture } from './harness/scale.ts'
import { whyNoStrace } from './harness/tools.ts'

const chance = createChance()

/** The system calls that put something on a disk, and those that only matter once another has failed. */
const sites = {
  'a flush of the spool or of the database': { calls: 'fdatasync', last: 3 },
  'a flush of a folder or of a rewritten file': { calls: 'fsync', last: 2 },
  'a write': { calls: 'pwrite64', last: 60 },
  'the rename after a failed flush': { calls: 'rename,renameat,renameat2', last: 2, after: 'fdatasync' },
} as const
type Site = (typeof sites)[keyof typeof sites]

/**
 * A whole process, spool, drainer thread and SQLite, of which the K-th call of a kind fails with EIO. As soon as the last promise
 * is kept or broken the power of its disk fails, so that "flushed" must have been true.
 */
describe('row 3: EIO at every write site', { skip: whyNoStrace() }, () => {
  for (const [name, site] of Object.entries(sites))
    test(`${name} fails: nothing is promised that is not on the disk`, async (t) => {
      const chosen = isTorture
        ? Array.from({ length: site.last }, (_, index) => index + 1)
        : [chance.between(1, site.last)]
      const judged: Judgement[] = []
      let met = 0
      for (const at of chosen) {
        const outcome = await failAt(t, site, String(at))
        met += outcome.faults
        judged.push(...outcome.judged)
      }
      assert.ok(met > 0, 'no call was made to fail')
      // A process that was refused its very first write has promised nothing, and said so.
      if (judged.length > 0) report(t, { row: 3, attacked: `EIO at ${name}`, times: met }, addUp(judged))
    })

  test('bites: when failed calls count as done, rows are lost', async (t) => {
    const { judged } = await failAt(t, { calls: 'fdatasync', last: 1 }, '2+', 'deaf')
    reportControl(t, 3, { broken: 'errors not heard', harm: 'rows lost', count: addUp(judged).lost.length })
  })
})

async function failAt(
  t: TestContext,
  site: Site | { readonly calls: string; readonly last: number },
  when: string,
  sabotage?: Sabotage,
): Promise<{ readonly judged: readonly Judgement[]; readonly faults: number }> {
  const folder = makeFolder(t)
  const disk = makeLoopDisk(t, 32)
  const here = 'why' in disk ? subfolder(folder, 'system') : disk.folder
  const ledger = join(folder, 'ledger')
  const trace = join(folder, 'trace')
  const place = sqlitePlace(here)
  const injected = [`${site.calls}:error=EIO:when=${when}`]
  if ('after' in site) injected.push(`${site.after}:error=EIO:when=1+2`)
  const kinds = injected.map((one) => one.split(':')[0]).join(',')
  const writer = startWriter(
    { place, ledger, service: 'svc', promise: 'durable', perTurn: 5, rowsMax: 60, ending: 'stay' },
    {
      // Detached, so that the process we start, stop and kill is the writer and not its tracer.
      wrapper: ['strace', '-D', '-f', '-qq', '-o', trace, '-e', `trace=${kinds}`].concat(
        injected.flatMap((one) => ['-e', `inject=${one}`]),
      ),
      ...(sabotage === undefined ? {} : { sabotage }),
    },
  )
  atEnd(t, async () => {
    writer.child.kill('SIGKILL')
    await writer.ended
  })
  const isDone = await writer.hears('done').then(
    () => true,
    // With its spool refused at the start the process cannot begin, and has promised nothing.
    (error: unknown) => (/SPOOL_|STORE_|KEY_/.test(String(error)) ? false : Promise.reject(error)),
  )
  const judged: Judgement[] = []
  if (isDone && !('why' in disk)) {
    const copy = await disk.powerLoss(writer.child.pid ?? 0, () => readLedger(ledger))
    try {
      await recover(sqlitePlace(copy.folder))
      judged.push(await judge(sqlitePlace(copy.folder), copy.answer))
    } finally {
      copy.remove()
    }
  }
  writer.child.kill('SIGKILL')
  await writer.ended
  await recover(place)
  judged.push(await judge(place, readLedger(ledger)))
  const faults = readFileSync(trace, 'utf8').split('(INJECTED)').length - 1
  return { judged: isDone ? judged : [], faults }
}
