// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { readLedger } from './harness/ledger.ts'
import { makeFolder, sqlitePlace, subfolder } from './harness/place.ts'
import { startWriter } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'

const rows = times({ short: 400, long: 100_000 })

/** A process whose clock goes back an hour, ahead ten years, stands still and repeats a second, over and over. */
describe('row 7: the clock steps', () => {
  test('numbers ascend, chains verify, and who follows by position sees each row once', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const ledger = join(folder, 'ledger')
    const writer = startWriter(
      {
        place,
        ledger,
        service: 'svc',
        promise: 'stored',
        perTurn: 20,
        rowsMax: rows,
        ending: 'close',
      },
      { nodeOptions: ['--import', join(import.meta.dirname, 'harness/clock-steps.ts')] },
    )
    atEnd(t, () => writer.child.kill('SIGKILL'))
    await writer.hears('ready')
    const followed: { readonly id: string; readonly seq: number; readonly timestamp: string }[] = []
    const store = await openWhenThere(place.dsn)
    for (let after = 0, isOver = false; ;) {
      // Asked before the scan, so that the last look comes after the last row.
      isOver ||= writer.said.includes('done')
      const found = await store.scan({
        stream: 'audit',
        filter: { after_position: after, code: 'ORDER_PLACED' },
        order: 'stored',
        limit: 100,
      })
      for (const { row } of found)
        followed.push({ id: row.id, seq: row.monotonic_seq, timestamp: row.timestamp })
      after = found.at(-1)?.position ?? after
      if (found.length === 0) {
        if (isOver) break
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    }
    await store.close()
    await writer.ended
    const told = await countOf(place.dsn, 'CLOCK_STEP')
    assert.ok(told > 0, 'the trail does not say that the clock stepped')
    const acked = readLedger(ledger)
    const steps = followed.filter(
      ({ timestamp }, at) => timestamp < (followed[at - 1]?.timestamp ?? ''),
    ).length
    report(
      t,
      { row: 7, attacked: 'steps back of the clock', times: steps, also: `${told} CLOCK_STEP rows` },
      await judge(place, acked),
      rows,
    )
    assert.deepEqual(
      followed.map(({ id }) => id),
      [...acked],
      'the follower saw other rows than were promised',
    )
    assert.ok(followed.every(({ seq }, at) => at === 0 || seq > (followed[at - 1]?.seq ?? 0)))
    // The same rows, as somebody sees them who remembers the newest time and asks for later ones.
    let newest = ''
    let passedOver = 0
    for (const { timestamp } of followed) {
      if (timestamp <= newest) passedOver++
      else newest = timestamp
    }
    reportControl(t, 7, { broken: 'following by time', harm: 'rows passed over', count: passedOver })
  })
})

async function countOf(dsn: string, code: string): Promise<number> {
  const store = await openForReading(dsn)
  try {
    return (await store.count('audit', { code }, 10_000)) ?? 10_000
  } finally {
    await store.close()
  }
}

async function openWhenThere(dsn: string) {
  for (const deadline = performance.now() + 60_000; ;)
    try {
      return await openForReading(dsn)
    } catch (error) {
      // The writer has not made its file yet.
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
}
