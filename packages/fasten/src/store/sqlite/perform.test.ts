// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { afterEach, beforeEach, test } from 'node:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createEmissionTally } from '../../core/emission.ts'
import { logName } from '../../core/log-name.ts'
import { assertSound, spooled } from '../../testing/store-contract.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { createSystemClock, createSystemIds, sha256 } from '../platform.ts'
import { software } from '../software.ts'
import { loadSqliteDriver } from './driver.ts'
import { openSqliteStore } from './index.ts'
import { openSqliteWriter, type SqliteWriter } from './writer.ts'

let folder = ''
let writer: SqliteWriter

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fasten-perform-'))
  writer = openSqliteWriter({
    ...parts,
    path: join(folder, 'a.db'),
    driver: await loadSqliteDriver(),
    tables,
  })
})

afterEach(() => {
  writer.close()
  rmSync(folder, { recursive: true })
})

test('a deed and the rows that tell of it commit together, or not at all', async () => {
  const samples = createSampleDrafts()
  const log = logName(samples.audit())
  writer.append({ spool: '00000000000000aa', position: 1n, drafts: [spooled(samples.audit())] })
  const own = { code: 'DEGRADED', facts: { error_code: 'X' } } as const
  assert.throws(
    () =>
      writer.perform(({ connection, appendOwn }) => {
        appendOwn(log, own)
        connection.exec('CREATE TABLE deed (x)')
        throw new TypeError('half way')
      }),
    /half way/,
  )
  const told = writer.perform(({ connection, appendOwn }) => {
    connection.exec('CREATE TABLE deed (x)')
    return appendOwn(log, own)
  })
  assert.deepEqual([told.log, told.monotonic_seq], [log, 2])

  const store = await openSqliteStore({ ...parts, path: join(folder, 'a.db'), mode: 'read' })
  try {
    await assertSound(store)
    const row = (await store.scan({ stream: 'audit', order: 'stored', limit: 10 })).at(-1)
    assert.equal(row?.row.stream === 'audit' && row.row.code, 'DEGRADED')
    const tally = createEmissionTally()
    tally.add(row?.row.boot_id ?? '', row?.row.boot_seq ?? 0)
    assert.deepEqual([row?.row.boot_seq, tally.result().boots], [2, 0])
  } finally {
    await store.close()
  }
})

const tables = { audit: 'audit_log' }
const parts = {
  digest: sha256,
  clock: createSystemClock(),
  ids: createSystemIds(),
  software,
  busyTimeoutMs: 1000,
}
