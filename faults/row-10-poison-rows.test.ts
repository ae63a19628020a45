// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { crc32 } from 'node:zlib'
import { readFileSync, writeFileSync } from 'node:fs'
import { fastenCli } from '../packages/fasten/src/cli/fixtures/spawn.ts'
import { draftText } from '../packages/fasten/src/core/leaf.ts'
import { logName } from '../packages/fasten/src/core/log-name.ts'
import type { AuditDraft, Clean } from '../packages/fasten/src/core/row.ts'
import { listQuarantine } from '../packages/fasten/src/store/quarantine.ts'
import { createSpoolWriter } from '../packages/fasten/src/store/spool/writer.ts'
import { createSampleDrafts } from '../packages/fasten/src/testing/sample-drafts.ts'
import { judge } from './harness/judge.ts'
import { batchOf, openPlace } from './harness/drafts.ts'
import { makeFolder, sqlitePlace, subfolder, type Place } from './harness/place.ts'
import { recover } from './harness/processes.ts'
import { report, reportControl } from './harness/report.ts'
import { times } from './harness/scale.ts'

const dead = '00000000000000dd'
const rows = times({ short: 2000, long: 200_000 })

/** What no store may take; `text` is written where the text of `draft` would stand. */
const poisons: Readonly<Record<string, (draft: AuditDraft) => string>> = {
  'a leaf of 70 KiB': (draft) => draftText({ ...draft, reason: 'x'.repeat(70 * 1024) } as Clean<AuditDraft>),
  'no JSON': (draft) => draftText(draft as Clean).slice(0, -9),
  'another log than its own': (draft) =>
    draftText({ ...draft, source_node_id: 'edge-66' } as Clean<AuditDraft>),
  'a place of its own choice': (draft) => draftText(draft as Clean).replace('{', '{"monotonic_seq":7,'),
  'invalid UTF-8': (draft) => draftText({ ...draft, reason: '~~~~~~~~' } as Clean<AuditDraft>),
}

describe('row 10: poison rows', () => {
  test('one in a hundred is set aside with its reason; the good ones go on, and a retry after the repair stores the rest', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    const { good, bad } = poisonedSpool(place)
    const { isEmpty } = await recover(place)
    assert.equal(isEmpty, true)
    const judged = await judge(place, new Set(good))
    const entries = listQuarantine(place.spoolRoot)
    const counts = Map.groupBy(entries, ({ code }) => code)
    const also = `${entries.length} in quarantine: ${[...counts].map(([code, found]) => `${found.length} ${code}`).join(', ')}`
    report(t, { row: 10, attacked: 'poison among good rows', times: bad.length, also }, judged, rows * 0.9)
    assert.deepEqual(
      entries.map(({ message }) => message).filter((message) => message.length < 8),
      [],
    )
    assert.equal(entries.length, bad.length)
    assert.ok(entries.every(({ spool, bytes }) => spool === dead && bytes.length > 0))
  })

  test('bites: without setting bad rows aside, they hold up the good ones of their batch', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    const store = await openPlace(place)
    const samples = createSampleDrafts()
    const drafts = Array.from({ length: 100 }, () => samples.audit())
    const { appended } = await store.append(
      batchOf('00000000000000aa', 100, [...drafts, { ...samples.audit(), reason: 'x'.repeat(70 * 1024) }]),
    )
    await store.close()
    const held = drafts.length - appended.length
    reportControl(t, 10, { broken: 'no quarantine', harm: 'good rows held up by one bad one', count: held })
  })

  test('rows that a repaired store would take are stored by `fasten quarantine retry`, once', async (t) => {
    const place = sqlitePlace(subfolder(makeFolder(t), 'system'))
    const samples = createSampleDrafts()
    const sys = Array.from({ length: 5 }, () => samples.sys())
    const writer = createSpoolWriter({ id: dead, directory: join(subfolder(place.spoolRoot, ''), dead) })
    for (const draft of sys) writer.append(logName(draft), draftText(draft as Clean))
    writer.close()
    // This store keeps no sys rows yet.
    await recover(place)
    assert.equal(listQuarantine(place.spoolRoot).length, 5)
    await (await openPlace(place, ['audit', 'sys'])).close()
    const path = place.dsn.replace('sqlite:///', '')
    for (const once of [1, 2]) {
      const said = await fastenCli(['quarantine', 'retry', '--store', path])
      assert.equal(said.exitCode, 0, `${once}: ${said.err}${said.out}`)
    }
    assert.equal(listQuarantine(place.spoolRoot).length, 0)
    report(
      t,
      { row: 10, attacked: 'quarantined rows retried twice', times: 5 },
      await judge(place, new Set(sys.map(({ id }) => id))),
    )
  })
})

/** A dead process's spool in which one row in a hundred is poison; ids of the good rows, kinds of the bad. */
function poisonedSpool(place: Place): { readonly good: readonly string[]; readonly bad: readonly string[] } {
  const directory = join(subfolder(place.spoolRoot, ''), dead)
  const writer = createSpoolWriter({ id: dead, directory, segmentBytesTarget: 1 << 30 })
  const samples = createSampleDrafts()
  const good: string[] = []
  const bad: string[] = []
  const kinds = Object.keys(poisons)
  for (let row = 0; row < rows; row++) {
    const draft = samples.audit()
    const kind = row % 100 === 50 ? (kinds[bad.length % kinds.length] ?? '') : undefined
    writer.append(
      logName(draft),
      kind === undefined ? draftText(draft as Clean) : (poisons[kind]?.(draft) ?? ''),
    )
    if (kind === undefined) good.push(draft.id)
    else bad.push(kind)
  }
  writer.close()
  spoilUtf8(join(directory, '0000000000000000.seg'))
  return { good, bad }
}

/** Puts bytes that are no UTF-8 where rows say so, and mends the checksum of their frames: not damage, but poison. */
function spoilUtf8(path: string): void {
  const bytes = readFileSync(path)
  for (let at = bytes.indexOf('~~~~~~~~'); at !== -1; at = bytes.indexOf('~~~~~~~~', at)) {
    bytes.fill(0xff, at, at + 8)
    const frame = bytes.lastIndexOf('SPL1', at)
    const end = frame + 12 + bytes.readUInt32LE(frame + 4)
    bytes.writeUInt32LE(crc32(bytes.subarray(frame + 12, end)), frame + 8)
  }
  writeFileSync(path, bytes)
}
