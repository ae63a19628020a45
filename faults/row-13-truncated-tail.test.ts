// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { ask } from '../packages/fasten/src/cli/fixtures/ask.ts'
import type { Ran } from '../packages/fasten/src/cli/fixtures/world.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { addUp } from './harness/add-up.ts'
import { createChance } from './harness/chance.ts'
import { judge, type Judgement } from './harness/judge.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, optionsOf, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const chance = createChance()
const size = 61

/**
 * While no process runs, somebody who may write the whole database cuts the last rows, moves the head back so that the rest verifies, and
 * deletes checkpoints. What the node signed last lies beside its key.
 */
describe('row 13: the tail is cut, and the checkpoints with it', () => {
  const rounds = times({ short: 3, long: 200 })

  test('the next start notices, continues in a new log, and says which rows are missing', async (t) => {
    const judged: Judgement[] = []
    const told: string[] = []
    for (let round = 0; round < rounds; round++) {
      const { cut, created, verified, judgement } = await attack(t, true)
      assert.equal(verified.exitCode, 3, `fasten verify did not fail: ${verified.out}`)
      assert.match(
        verified.out,
        new RegExp(`rows ${size - cut} to ${size - 1}`),
        `the range is not named: ${verified.out}`,
      )
      judged.push(judgement)
      assert.match(created, /"monotonic_seq":0/)
      assert.match(created, new RegExp(`"size":${size}\\b`), `the signed size is not told: ${created}`)
      told.push(`${size - cut} to ${size - 1}`)
    }
    const also = `missing and told: ${told.slice(0, 5).join(', ')}`
    report(
      t,
      { row: 13, attacked: 'tail cut, head moved back, checkpoints deleted', times: rounds, also },
      addUp(judged),
      20,
    )
  })

  test('bites: a node that remembers nothing continues the log as if nothing had been there', async (t) => {
    const { created, verified, judgement } = await attack(t, false)
    assert.equal(verified.exitCode, 0)
    assert.deepEqual(
      judgement.verdicts.map(({ verdict }) => verdict),
      ['PASS'],
    )
    reportControl(t, 13, {
      broken: 'nothing signed',
      harm: 'cut tails that nobody notices',
      count: created === '' ? 1 : 0,
    })
  })
})

async function attack(
  t: TestContext,
  signs: boolean,
): Promise<{
  readonly cut: number
  readonly created: string
  readonly verified: Ran
  readonly judgement: Judgement
}> {
  const root = makeFolder(t)
  const place = sqlitePlace(subfolder(root, 'system'))
  await emitAll(place, signs, size - 1)
  const cut = chance.between(1, 40)
  const path = place.dsn.replace('sqlite:///', '')
  cutTail(path, cut)
  const verified = await ask(['verify', path])
  const ledgerPath = join(root, 'ledger')
  const ledger = openLedger(ledgerPath)
  ledger.ack(await emitAll(place, signs, 20))
  ledger.close()
  const store = await openForReading(place.dsn)
  const opened = await store.scan({
    stream: 'audit',
    filter: { code: 'LOG_CREATED' },
    order: 'stored',
    limit: 10,
  })
  await store.close()
  const created = opened.find(({ row }) => row.log.endsWith('~2'))?.leaf ?? ''
  return { cut, created, verified, judgement: await judge(place, readLedger(ledgerPath)) }
}

async function emitAll(place: Place, signs: boolean, count: number): Promise<string[]> {
  const registry = createCodeRegistry()
  registry.register('order', { ORDER_PLACED: { category: 'order', action: 'create' } })
  const fasten = createFasten({
    registry,
    service_id: 's',
    node_id: 'n',
    ...optionsOf(place),
    signing: signs,
    stdout: [],
    notices: { write: () => true },
  })
  const receipts = Array.from({ length: count }, (_, index) =>
    fasten.emit({ code: 'ORDER_PLACED', target: `order/${index}` }),
  )
  await Promise.all(receipts.map(({ stored }) => stored))
  await fasten.close(60_000)
  return receipts.map(({ id }) => id)
}

function cutTail(path: string, cut: number): void {
  const database = openBeside(path)
  const head = database.prepare('SELECT hash FROM audit_log WHERE monotonic_seq = ?').get(size - cut - 1)
  database.exec(`DELETE FROM audit_log WHERE monotonic_seq >= ${size - cut}; DELETE FROM fasten_checkpoints`)
  database.prepare('UPDATE fasten_logs SET size = ?, head_hash = ?').run(size - cut, String(head?.['hash']))
  database.close()
}
