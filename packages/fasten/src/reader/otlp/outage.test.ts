// SPDX-License-Identifier: Apache-2.0
/** Stores that go away under an export, and come back. */
import assert from 'node:assert/strict'
import { readdir, rename, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { FastenError } from '../../core/error.ts'
import type { Draft } from '../../core/row.ts'
import { openForReading, openStore } from '../../store/open.ts'
import { startPostgres } from '../../store/postgres/fixtures/server.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { openedOn, openSqlite, readerOf, type Opened } from '../fixtures/opened.ts'
import type { Reader } from '../reader.ts'
import { exportRows, type ExportCounts, type ExportOptions } from './export-rows.ts'
import { openCollector, type Collector } from './fixtures/collector.ts'

interface Exporting {
  readonly collector: Collector
  readonly troubles: FastenError[]
  readonly running: Promise<ExportCounts>
  /** Ids of the application's rows that were sent, in order. */
  ids(): readonly unknown[]
  place(): string | undefined
  stop(): Promise<void>
}

async function exporting(
  t: TestContext,
  reader: Reader,
  more: Partial<ExportOptions> = {},
): Promise<Exporting> {
  const collector = await openCollector()
  t.after(() => collector.close())
  const troubles: FastenError[] = []
  const ending = new AbortController()
  let place: string | undefined
  const cursor = { load: () => place, save: (to: string) => void (place = to) }
  const onTrouble = (error: FastenError): void => void troubles.push(error)
  const running = exportRows(
    { reader, cursor, url: collector.url, lingerMs: 10, onTrouble, ...more },
    ending.signal,
  )
  running.catch(() => {})
  const taken = (): ReturnType<Collector['taken']> =>
    collector.taken().filter(({ attributes }) => attributes['fasten.monotonic_seq'] !== 0)
  return {
    collector,
    troubles,
    running,
    ids: () => taken().map(({ attributes }) => attributes['log.record.uid']),
    place: () => place,
    async stop() {
      ending.abort()
      await running
    },
  }
}

async function store(opened: Pick<Opened, 'append'>, boot_id: string): Promise<readonly string[]> {
  const samples = createSampleDrafts({ boot_id })
  const drafts = Array.from({ length: 5 }, (): Draft => samples.of('audit'))
  await opened.append(drafts)
  return drafts.map(({ id }) => id)
}

/** Waits for a condition, with no other deadline than that of the test. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10))
}

describe('an export rides out what becomes of its store', { timeout: 180_000 }, () => {
  test('a database file that is moved away and back', async (t) => {
    const opened = await openSqlite()
    t.after(() => opened.close())
    const source = await openForReading(opened.path)
    const reader = readerOf({ streams: { audit: source, sys: source, api: source } })
    t.after(async () => {
      await reader.close()
      await source.close()
    })
    const first = await store(opened, '00000000000000aa')
    const { collector, troubles, ids, place, stop } = await exporting(t, reader)
    await collector.until(() => ids().length === 5)
    const second = await store(opened, '00000000000000ab')
    await collector.until(() => ids().length === 10)
    await until(() => place() !== undefined)

    const folder = dirname(opened.path)
    const files = (await readdir(folder)).filter((name) => name.startsWith(basename(opened.path)))
    for (const name of files) await rename(join(folder, name), join(folder, `away-${name}`))
    await until(() => troubles.length > 0)
    const kept = place()
    for (const name of files.toReversed()) await rename(join(folder, `away-${name}`), join(folder, name))
    const third = await store(opened, '00000000000000ac')
    await collector.until(() => ids().length >= 15)
    await until(() => place() !== kept)
    await stop()
    assert.deepEqual(ids(), [...first, ...second, ...third], 'each once')
    assert.deepEqual(
      troubles.map(({ code }) => code),
      ['STORE_MISSING'],
      'said once',
    )
  })

  test('a Postgres that is killed and started again', async (t) => {
    const server = await startPostgres({ own: true })
    t.after(() => server.remove())
    const url = await server.freshStore()
    const opened = openedOn(
      await openStore({ dsn: { kind: 'postgres', url }, streams: ['audit', 'sys', 'api'] }),
      '',
      () => server.release(url),
    )
    t.after(() => opened.close())
    const reader = readerOf(opened.sources)
    t.after(() => reader.close())
    const first = await store(opened, '00000000000000aa')
    const { collector, troubles, ids, stop } = await exporting(t, reader)
    await collector.until(() => ids().length === 5)
    await server.kill9()
    await until(() => troubles.length > 0)
    await server.start()
    const second = await store(opened, '00000000000000ab').catch((error: unknown) => {
      // The writer's own connection died with the server: it says so once, and is new the next time.
      assert.equal((error as FastenError).code, 'STORE_UNREACHABLE')
      return store(opened, '00000000000000ab')
    })
    await collector.until(() => ids().length >= 10)
    await stop()
    assert.deepEqual(ids(), [...first, ...second], 'each once')
    assert.deepEqual(
      [troubles.length, troubles[0]?.code.startsWith('STORE_')],
      [1, true],
      troubles.map(String).join('\n'),
    )
  })

  test('a store that is damaged ends it, at once where it had not answered yet', async (t) => {
    const opened = await openSqlite()
    t.after(() => opened.close())
    const source = await openForReading(opened.path)
    const reader = readerOf({ streams: { audit: source, sys: source, api: source } })
    t.after(async () => {
      await reader.close()
      await source.close()
    })
    await store(opened, '00000000000000aa')
    const { collector, ids, place, running } = await exporting(t, reader)
    await collector.until(() => ids().length === 5)
    const damaged = join(dirname(opened.path), 'damaged')
    await writeFile(damaged, 'no database '.repeat(1000))
    await rename(damaged, opened.path)
    await assert.rejects(running, { code: 'STORE_CORRUPT' })
    const { running: again } = await exporting(t, reader, {
      cursor: { load: place, save: () => assert.fail('the place does not move') },
    })
    await assert.rejects(again, { code: 'STORE_CORRUPT' })
  })
})
