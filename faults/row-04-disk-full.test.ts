// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, sqlitePlace } from './harness/place.ts'
import { recover, startWriter } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { settled } from './harness/settled.ts'

const fillings = times({ short: 1, long: 20 })

/** A file system of 16 MiB is filled to the last page under an emitting process, and emptied again. */
describe('row 4: a full disk', () => {
  test('refuses with a code, resumes without a restart, tells of itself, and loses no row it accepted', async (t) => {
    const folder = smallDisk(t, 16)
    if (typeof folder !== 'string') return t.skip(folder.why)
    const ledgerPath = join(makeFolder(t), 'ledger')
    const ledger = openLedger(ledgerPath)
    let also = ''
    for (let filling = 0; filling < fillings; filling++) {
      also = await fillAndFree(t, folder, `node-${filling}`, (ids) => ledger.ack(ids))
    }
    ledger.close()
    const judged = await judge(sqlitePlace(folder), readLedger(ledgerPath))
    report(t, { row: 4, attacked: 'a file system filled and freed', times: fillings, also }, judged, 300)
  })

  test('a service that is closed while the disk is full says how many rows end with it', async (t) => {
    const folder = smallDisk(t, 12)
    if (typeof folder !== 'string') return t.skip(folder.why)
    const notices: string[] = []
    const fasten = createFasten({
      service_id: 's',
      node_id: 'n',
      audit_dsn: `sqlite:///${join(folder, 'audit.db')}`,
      stdout: [],
      overflow_rows_max: 50,
      exit_hooks: false,
      notices: { write: (text) => notices.push(text) },
    })
    await fasten.emit({ code: 'FIRST', target: 'x' }).stored
    const { bavail, bsize } = statfsSync(folder)
    writeFileSync(join(folder, 'ballast'), Buffer.alloc(Math.max(bavail * bsize - (1 << 20), 0), 1))
    const note = 'x'.repeat(8000)
    const outcomes: Promise<string>[] = []
    for (let index = 0; index < 1000; index++) {
      const receipt = fasten.emit({ code: 'FIRST', target: String(index), detail: { note } })
      if (receipt.accepted) continue
      outcomes.push(
        receipt.durable.then(
          () => 'durable',
          (error: { code: string }) => error.code,
        ),
      )
    }
    assert.ok(fasten.stats().held > 0, 'the disk must have been full, or the test does not bite')
    await fasten.close(500)
    const { held, refused } = fasten.stats()
    assert.deepEqual([held, refused], [0, outcomes.length])
    assert.deepEqual(new Set(await Promise.all(outcomes)), new Set(['SPOOL_FULL']))
    const told = notices.join('')
    assert.match(told, /SPOOL_FULL: 5\d rows that waited in memory for disk space are lost/)
    assert.doesNotMatch(told, /there is room again|CLOSED/)
  })

  test('bites: when failed writes count as done, rows are lost', async (t) => {
    const folder = smallDisk(t, 12)
    if (typeof folder !== 'string') return t.skip(folder.why)
    const ledger = join(makeFolder(t), 'ledger')
    const place = sqlitePlace(folder)
    const ballast = join(folder, 'ballast')
    writeFileSync(ballast, Buffer.alloc(9 << 20))
    const job = {
      place,
      ledger,
      service: 'svc',
      promise: 'accepted',
      perTurn: 20,
      rowsMax: 600,
      noteBytes: 6000,
      ending: 'exit',
    } as const
    const writer = startWriter(job, { sabotage: 'deaf' })
    await writer.hears('done')
    writer.child.kill('SIGKILL')
    await writer.ended
    rmSync(ballast)
    await recover(place, { refusedMs: 5000 })
    const { lost } = await judge(place, readLedger(ledger))
    reportControl(t, 4, { broken: 'errors not heard', harm: 'rows lost', count: lost.length })
  })
})

/** A file system of its own, `megabytes` large, or the reason why there is none. */
function smallDisk(t: TestContext, megabytes: number): string | { readonly why: string } {
  const folder = makeFolder(t)
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    return { why: 'mounting a small file system takes root on Linux' }
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m`, 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    return { why: `mount refused: ${String(error).split('\n')[0]}` }
  }
  atEnd(t, () => execFileSync('umount', ['-l', folder]))
  return folder
}

/** One filling; answers what was seen. */
async function fillAndFree(
  t: TestContext,
  folder: string,
  node_id: string,
  ack: (ids: readonly string[]) => void,
): Promise<string> {
  const path = join(folder, 'audit.db')
  const notices: string[] = []
  const registry = createCodeRegistry()
  registry.register('order', {
    ORDER_PLACED: { category: 'order', action: 'create' },
    ORDER_PAID: { category: 'order', action: 'pay', fail_closed: true },
  })
  const fasten = createFasten({
    registry,
    service_id: 's',
    node_id,
    audit_dsn: `sqlite:///${path}`,
    stdout: [],
    overflow_rows_max: 50,
    notices: { write: (text) => notices.push(text) },
  })
  atEnd(t, () => fasten.close(1000))
  await fasten.emit({ code: 'ORDER_PLACED', target: 'first' }).stored

  const ballast = join(folder, 'ballast')
  const { bavail, bsize } = statfsSync(folder)
  writeFileSync(ballast, Buffer.alloc(Math.max(bavail * bsize - (1 << 20), 0), 1))

  const inSpool: string[] = []
  const held: Promise<string>[] = []
  let refused = 0
  const note = 'x'.repeat(2000)
  for (let index = 0; index < 2500; index++) {
    const receipt = fasten.emit({ code: 'ORDER_PLACED', target: `order/${index}`, detail: { note } })
    if (receipt.accepted) inSpool.push(receipt.id)
    else {
      const outcome = receipt.durable.then(
        () => receipt.id,
        (error: { code: string }) => {
          assert.equal(error.code, 'SPOOL_FULL')
          refused++
          return ''
        },
      )
      held.push(outcome)
    }
    if (index % 50 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  assert.ok(held.length > 50, 'the disk must have been full, or the test does not bite')
  assert.throws(() => fasten.emit({ code: 'ORDER_PAID', target: 'order/1' }), { code: 'SPOOL_FULL' })
  assert.ok(
    notices.some((notice) => /SPOOL_FULL: .*no space left.*free disk space/.test(notice)),
    notices.join(''),
  )

  rmSync(ballast)
  const heldIds = (await Promise.all(held)).filter((id) => id !== '')
  assert.equal(heldIds.length, 50, 'what waited in memory is written once there is room')
  assert.ok(refused > 0)
  const paid = fasten.emit({ code: 'ORDER_PAID', target: 'order/1' })
  await paid.stored

  const stats = await settled(fasten)
  assert.equal(stats.refused, refused + 1)
  assert.equal(stats.accepted, stats.stored)
  const store = await openForReading(path)
  const told = await store.scan({
    stream: 'audit',
    filter: { code: 'DISK_FULL' },
    order: 'stored',
    limit: 100,
  })
  await store.close()
  assert.ok(
    told.some(({ row }) => row.source_node_id === node_id),
    'the trail says that the disk was full',
  )
  ack([...inSpool, ...heldIds, paid.id])
  await fasten.close(60_000)
  return `${inSpool.length} accepted, ${heldIds.length} held and then written, ${stats.refused} refused and told`
}
