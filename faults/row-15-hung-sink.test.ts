// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, test } from 'node:test'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { atEnd } from './harness/endings.ts'
import { judge } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, optionsOf, sqlitePlace, subfolder } from './harness/place.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { settled } from './harness/settled.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const rows = times({ short: 3000, long: 1_000_000 })

/** The database accepts a transaction and never ends it: another process holds its write lock for as long as the test wants. */
describe('row 15: a sink that hangs', () => {
  test('emit returns, memory stays flat, fail-closed codes are refused by a code at the bound; later all is stored', async (t) => {
    const folder = makeFolder(t)
    const place = sqlitePlace(subfolder(folder, 'system'))
    const ledgerPath = join(folder, 'ledger')
    const ledger = openLedger(ledgerPath)
    const registry = createCodeRegistry()
    registry.register('order', {
      ORDER_PLACED: { category: 'order', action: 'create' },
      ORDER_PAID: { category: 'order', action: 'pay', fail_closed: true },
    })
    const fasten = createFasten({
      registry,
      service_id: 's',
      node_id: 'n',
      ...optionsOf(place),
      stdout: [],
      notices: { write: () => true },
      spool_bytes_max: rows * 900,
    })
    atEnd(t, () => fasten.close(1000))
    const first = fasten.emit({ code: 'ORDER_PLACED', target: 'first' })
    await first.stored
    const holder = openBeside(place.dsn.replace('sqlite:///', ''))
    holder.exec('BEGIN IMMEDIATE')
    const rssBefore = process.memoryUsage().rss
    let accepted = 0
    for (let index = 0; index < rows; index++) {
      const { id, accepted: isIn } = fasten.emit({ code: 'ORDER_PLACED', target: `order/${index}` })
      if (isIn) {
        ledger.ack([id])
        accepted++
      }
      if (index % 1000 === 999) await new Promise((resolve) => setImmediate(resolve))
    }
    const paid = fasten.emit({ code: 'ORDER_PAID', target: 'order/1' })
    assert.equal(paid.accepted, true, 'fail-closed is a matter of the spool, not of the sink')
    ledger.ack([paid.id, first.id])
    const grownMiB = (process.memoryUsage().rss - rssBefore) / 2 ** 20
    assert.ok(grownMiB < 64, `memory grew by ${grownMiB.toFixed(0)} MiB while ${rows} rows waited`)
    // Up to the bound of the spool, and past it refused by a code.
    const note = 'x'.repeat(12_000)
    let code = ''
    for (let index = 0; code === ''; index++) {
      assert.ok(index < rows * 2, 'the spool has no bound')
      try {
        const { id, accepted: isIn } = fasten.emit({
          code: 'ORDER_PAID',
          target: `order/${index}`,
          detail: { note },
        })
        if (isIn) ledger.ack([id])
      } catch (error) {
        code = (error as { code: string }).code
      }
    }
    assert.equal(code, 'SPOOL_LIMIT')
    assert.equal(fasten.stats().stored, 1)
    holder.exec('ROLLBACK')
    holder.close()
    const stats = await settled(fasten)
    ledger.close()
    const judged = await judge(place, readLedger(ledgerPath))
    // The first row of each log is the store's own.
    const storedHere = judged.stored - judged.verdicts.length
    assert.deepEqual([stats.accepted, stats.stored, stats.quarantined], [storedHere, storedHere, 0])
    const also = `${accepted} rows emitted meanwhile, memory ${grownMiB.toFixed(0)} MiB more, then ${code}`
    report(
      t,
      { row: 15, attacked: 'a database that never ends a transaction', times: 1, also },
      judged,
      rows * 0.9,
    )
  })

  test('bites: a client that writes through to the database loses what it was told', (t) => {
    const path = join(makeFolder(t), 'naive.db')
    const [holder, client] = [openBeside(path), new DatabaseSync(path, { timeout: 5 })]
    holder.exec('CREATE TABLE rows (id TEXT); BEGIN IMMEDIATE')
    let failed = 0
    for (let row = 0; row < 20; row++)
      try {
        client.prepare('INSERT INTO rows VALUES (?)').run(String(row))
      } catch {
        // Best effort, as such clients are written: the request goes on without its row.
        failed++
      }
    holder.close()
    client.close()
    reportControl(t, 15, { broken: 'writing through to the database', harm: 'rows lost', count: failed })
  })
})
