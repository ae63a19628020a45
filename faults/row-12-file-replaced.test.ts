// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, renameSync, rmSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { createFasten } from '../packages/fasten/src/capture/create.ts'
import { createCodeRegistry } from '../packages/fasten/src/core/code.ts'
import { atEnd } from './harness/endings.ts'
import { judge, type Judgement } from './harness/judge.ts'
import { addUp } from './harness/add-up.ts'
import { openLedger, readLedger } from './harness/ledger.ts'
import { makeFolder, optionsOf, sqlitePlace, subfolder } from './harness/place.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'
import { openBeside } from '../packages/fasten/src/store/sqlite/fixtures/beside.ts'

const files = ['audit.db', 'audit.db-wal', 'audit.db-shm']
const rounds = times({ short: 1, long: 60 })

/** What somebody does to the database file of a running process. `folder` holds it, `copy` an older copy of it. */
const deeds: Readonly<Record<string, (folder: string, copy: string) => void>> = {
  deleted: (folder) => files.forEach((name) => rmSync(join(folder, name), { force: true })),
  'moved away': (folder) =>
    files.forEach(
      (name) =>
        existsSync(join(folder, name)) && renameSync(join(folder, name), join(folder, `${name}.away`)),
    ),
  emptied: (folder) => truncateSync(join(folder, 'audit.db'), 0),
  'replaced by an older copy': (folder, copy) => {
    files.forEach((name) => rmSync(join(folder, name), { force: true }))
    copyFileSync(copy, join(folder, 'audit.db'))
  },
}

describe('row 12: the database file is taken from under the process', () => {
  for (const [name, deed] of Object.entries(deeds))
    test(`${name}: rows emitted afterwards are stored, in a log that says why it begins anew where one was known`, async (t) => {
      const judged: Judgement[] = []
      let also = ''
      for (let round = 0; round < rounds; round++) {
        const outcome = await attack(t, deed)
        judged.push(outcome.judged)
        also = outcome.also
      }
      report(t, { row: 12, attacked: `the file is ${name}`, times: rounds, also }, addUp(judged), 20)
    })

  test('bites: a client that keeps its connection writes into a file that nobody finds', (t) => {
    const path = join(makeFolder(t), 'naive.db')
    const database = openBeside(path)
    database.exec('CREATE TABLE rows (id TEXT)')
    rmSync(path)
    for (let row = 0; row < 20; row++)
      try {
        database.prepare('INSERT INTO rows VALUES (?)').run(String(row))
      } catch {
        // Some builds of SQLite notice; the row is as lost as it would be.
      }
    database.close()
    reportControl(t, 12, {
      broken: 'a connection that is trusted for ever',
      harm: 'rows lost',
      count: existsSync(path) ? 0 : 20,
    })
  })
})

async function attack(
  t: TestContext,
  deed: (folder: string, copy: string) => void,
): Promise<{ readonly judged: Judgement; readonly also: string }> {
  const root = makeFolder(t)
  const folder = subfolder(root, 'system')
  const place = sqlitePlace(folder)
  const path = join(folder, 'audit.db')
  const notices: string[] = []
  const registry = createCodeRegistry()
  registry.register('order', { ORDER_PLACED: { category: 'order', action: 'create' } })
  const fasten = createFasten({
    registry,
    service_id: 's',
    node_id: 'n',
    ...optionsOf(place),
    stdout: [],
    notices: { write: (text) => notices.push(text) },
  })
  atEnd(t, () => fasten.close(2000))
  const emit = (count: number) =>
    Array.from({ length: count }, (_, index) =>
      fasten.emit({ code: 'ORDER_PLACED', target: `order/${index}` }),
    )
  await Promise.all(emit(10).map(({ stored }) => stored))
  const copy = join(root, 'copy.db')
  const reader = openBeside(path)
  reader.exec(`VACUUM INTO '${copy}'`)
  reader.close()
  await Promise.all(emit(10).map(({ stored }) => stored))
  deed(folder, copy)
  const ledgerPath = join(root, 'ledger')
  const ledger = openLedger(ledgerPath)
  const rows = emit(20)
  const places = await Promise.all(rows.map(({ stored }) => stored))
  ledger.ack(rows.map(({ id }) => id))
  ledger.close()
  await fasten.close(60_000)
  assert.ok(
    places.every(({ log }) => log.endsWith('~2')),
    `the log was continued: ${places[0]?.log}`,
  )
  return { judged: await judge(place, readLedger(ledgerPath)), also: `rows went on in ${places[0]?.log}` }
}
