// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import type { AuditRow } from '../../core/row.ts'
import type { ReaderRow } from '../../reader/reader.ts'
import type { ErasureReceipt } from '../../store/privacy/erase-subject.ts'
import type { SubjectReport } from '../../store/privacy/subject-report.ts'
import { ask, rowsOf } from '../fixtures/ask.ts'
import {
  emailOf,
  emitRows,
  findings,
  newShop,
  openShop as open,
  people,
  root,
  type Shop,
} from '../fixtures/gift-shop.ts'
import { openBeside } from '../../store/sqlite/fixtures/beside.ts'

const rowsEach = 20

/** What of one person's keys and values lies in the files, as they lie there. */
function tracesOf(shop: Shop, subject: string): readonly (string | Uint8Array)[] {
  const database = openBeside(join(shop.folder, 'rows.db'), { readOnly: true })
  const keys = openBeside(join(shop.folder, 'rows.db-keys/data-keys.db'), { readOnly: true })
  const traces: (string | Uint8Array)[] = []
  for (const { id, wrapped } of keys.prepare('SELECT id, wrapped FROM keys WHERE subject = ?').all(subject)) {
    traces.push(String(wrapped))
    const boxes = database.prepare('SELECT box FROM fasten_disclosures WHERE key_id = ?').all(String(id))
    for (const { box } of boxes)
      if (box instanceof Uint8Array) traces.push(box, Buffer.from(box).toString('base64'))
  }
  keys.close()
  database.close()
  return traces
}

async function disclosed(shop: Shop): Promise<readonly ReaderRow<AuditRow>[]> {
  const { out } = await ask(['query', '--disclose', '--json', '--all', '--stream', 'audit'], {
    env: shop.env,
  })
  return rowsOf(out).filter((row): row is ReaderRow<AuditRow> => row.stream === 'audit')
}

function valuesIn(rows: readonly ReaderRow<AuditRow>[]): Record<string, number> {
  const texts = rows.flatMap(({ disclosures = {} }) =>
    Object.values(disclosures).map(({ state, value }) =>
      state === 'disclosed' ? JSON.stringify(value) : state,
    ),
  )
  const count = (wanted: string): number => texts.filter((text) => text.includes(wanted)).length
  return {
    ann: count('ann'),
    bob: count('bob'),
    eve: count('eve'),
    erased: count('erased'),
    missing: count('missing'),
  }
}

async function verify(shop: Shop): Promise<{ verdict: string; rows_erased: number; breaks: unknown }> {
  const { out } = await ask(['verify', '--json'], { env: shop.env })
  const { verdict, logs } = JSON.parse(out) as {
    verdict: string
    logs: readonly { rows_erased: number; breaks: readonly unknown[] }[]
  }
  return {
    verdict,
    rows_erased: logs.reduce((sum, { rows_erased }) => sum + rows_erased, 0),
    breaks: logs.flatMap(({ breaks }) => breaks),
  }
}

test('one of three people is erased: the value is nowhere, everything verifies, and no backup brings it back', async () => {
  const shop = newShop()
  const fasten = open(shop)
  emitRows(fasten, rowsEach)
  assert.equal(await fasten.flush(60_000), true)
  await fasten.close()

  // Nothing personal rests in clear, erased or not.
  const secrets = people.map(emailOf)
  assert.deepEqual(findings(shop.folder, secrets), [])
  const before = valuesIn(await disclosed(shop))
  const perPerson = before['ann'] ?? 0
  assert.ok(perPerson > rowsEach)
  assert.deepEqual([before['erased'], before['missing']], [0, 0])

  const plan = await ask(['erase', 'user:bob', '--json'], {
    env: { ...shop.env, FASTEN_SPOOL_DIR: join(shop.folder, 'spool') },
  })
  const { subject } = JSON.parse(plan.out) as { subject: string }
  const traces = tracesOf(shop, subject)
  assert.ok(traces.length > rowsEach)
  assert.ok(findings(shop.folder, traces).length >= 2, 'the search finds what is there')
  const backup = mkdtempSync(join(root, 'backup-'))
  for (const name of ['rows.db', 'rows.db-keys'])
    cpSync(join(shop.folder, name), join(backup, name), { recursive: true })

  const env = { ...shop.env, FASTEN_SPOOL_DIR: join(shop.folder, 'spool') }
  const refused = await ask(['erase', 'user:bob', '--yes'], { env })
  assert.equal(refused.exitCode, 2, 'a legal ground is asked for')
  const { out, exitCode, err } = await ask(
    ['erase', 'user:bob', '--basis', 'GDPR Art. 17(1)(b)', '--yes', '--json'],
    { env },
  )
  assert.equal(exitCode, 0, err)
  const receipt = JSON.parse(out) as ErasureReceipt
  assert.deepEqual([receipt.subject, receipt.values, receipt.is_complete], [subject, before['bob'], true])

  const later = valuesIn(await disclosed(shop))
  assert.deepEqual(later, {
    ann: before['ann'],
    eve: before['eve'],
    bob: 0,
    erased: before['bob'],
    missing: 0,
  })
  assert.deepEqual(await verify(shop), { verdict: 'PASS', rows_erased: receipt.rows, breaks: [] })
  assert.deepEqual(findings(shop.folder, [...secrets, ...traces]), [])

  // Once more changes nothing.
  const again = await ask(['erase', 'user:bob', '--basis', 'again', '--yes', '--json'], { env })
  assert.deepEqual((JSON.parse(again.out) as ErasureReceipt).values, 0)

  const erased = mkdtempSync(join(root, 'erased-'))
  cpSync(shop.folder, erased, { recursive: true })
  for (const parts of [['rows.db'], ['rows.db-keys'], ['rows.db', 'rows.db-keys']]) {
    rmSync(shop.folder, { recursive: true })
    cpSync(erased, shop.folder, { recursive: true })
    for (const name of parts) {
      rmSync(join(shop.folder, name), { recursive: true })
      cpSync(join(backup, name), join(shop.folder, name), { recursive: true })
    }
    const about = parts.join(' and ')
    const served = valuesIn(await disclosed(shop))
    assert.deepEqual([served['bob'], served['ann']], [0, before['ann']], `${about}: not served`)
    const writer = open(shop)
    emitRows(writer, 1)
    await writer.flush(60_000)
    await writer.close()
    assert.deepEqual(findings(shop.folder, traces), [], `${about}: destroyed again`)
    const { verdict, breaks, rows_erased } = await verify(shop)
    assert.deepEqual([verdict, breaks, rows_erased >= receipt.rows], ['PASS', [], true], about)
  }
})

test('who emits on under a destroyed key stores no value, and each log says so', async () => {
  const shop = newShop()
  const fasten = open(shop)
  emitRows(fasten, 3)
  await fasten.flush(60_000)
  const env = { ...shop.env, FASTEN_SPOOL_DIR: join(shop.folder, 'spool') }
  const { exitCode, err } = await ask(['erase', 'user:bob', '--basis', 'GDPR Art. 17(1)(a)', '--yes'], {
    env,
  })
  assert.equal(exitCode, 0, err)
  emitRows(fasten, 3)
  assert.equal(await fasten.flush(60_000), true)
  const rows = valuesIn(await disclosed(shop))
  assert.equal(rows['bob'], 0)
  // While nobody has signed for the rows that say so, nothing is passed.
  await fasten.close()
  const { verdict, breaks } = await verify(shop)
  assert.deepEqual([verdict, breaks], ['PASS', []])
})

test('the key finds rows by a sealed actor, and a person is told all that is kept of them and nothing of others', async () => {
  const shop = newShop()
  const fasten = open(shop)
  emitRows(fasten, 6)
  await fasten.flush(60_000)
  await fasten.close()
  const asked = await ask(['query', 'actor:user:ann', '--json', '--stream', 'audit'], { env: shop.env })
  const found = rowsOf(asked.out) as readonly ReaderRow<AuditRow>[]
  assert.deepEqual(
    found.map(({ actor, disclosures }) => [actor, disclosures?.['/actor']]),
    [0, 1].map(() => [undefined, { state: 'sealed' }]),
  )
  const exported = await ask(['subject', 'export', 'user:ann', '--json'], {
    env: { ...shop.env, FASTEN_SPOOL_DIR: join(shop.folder, 'spool') },
  })
  const report = JSON.parse(exported.out) as SubjectReport
  const text = JSON.stringify(report)
  assert.deepEqual(report.counts, { GIFT_SENT: 6, NOTE_KEPT: 2 })
  assert.ok(text.includes(emailOf('ann')))
  assert.ok(!text.includes(emailOf('bob')) && !text.includes(emailOf('eve')))
  const told = await ask(['query', 'code:SUBJECT_ACCESSED', '--json', '--stream', 'audit'], { env: shop.env })
  assert.equal(rowsOf(told.out).length, 1)
  assert.equal((await verify(shop)).verdict, 'PASS')
})

test('with two people, who asks cannot approve, and the trail names both', async () => {
  const shop = newShop()
  const fasten = open(shop)
  emitRows(fasten, 3)
  await fasten.flush(60_000)
  await fasten.close()
  const env = { ...shop.env, FASTEN_SPOOL_DIR: join(shop.folder, 'spool'), FASTEN_ERASURE_APPROVALS: '2' }
  const basis = ['--basis', 'GDPR Art. 17(1)(b)']
  assert.equal((await ask(['erase', 'user:eve', ...basis, '--yes'], { env })).exitCode, 2)
  const asked = await ask(['erase', 'request', 'user:eve', ...basis, '--by', 'pat', '--json'], { env })
  const { request_id } = JSON.parse(asked.out) as { request_id: string }
  assert.equal((await ask(['erase', 'approve', request_id, 'user:eve', '--by', 'pat'], { env })).exitCode, 2)
  assert.equal((await ask(['erase', 'approve', request_id, 'user:ann', '--by', 'kim'], { env })).exitCode, 2)
  assert.ok((valuesIn(await disclosed(shop))['eve'] ?? 0) > 0)
  assert.equal((await ask(['erase', 'approve', request_id, 'user:eve', '--by', 'kim'], { env })).exitCode, 0)
  assert.equal(valuesIn(await disclosed(shop))['eve'], 0)
  const told = await ask(['query', 'code:SUBJECT_ERASED', '--json', '--stream', 'audit'], { env })
  assert.deepEqual(
    rowsOf(told.out).map((row) => (row as ReaderRow<AuditRow>).actor),
    ['kim, asked by pat'],
  )
  assert.equal(
    (await ask(['erase', 'approve', request_id, 'user:eve', '--by', 'kim'], { env })).exitCode,
    2,
    'once',
  )
})

test('nothing is erased while a legal hold keeps a row of the person', async () => {
  const shop = newShop()
  const fasten = open(shop)
  emitRows(fasten, 3)
  await fasten.flush(60_000)
  await fasten.close()
  const env = { ...shop.env, FASTEN_SPOOL_DIR: join(shop.folder, 'spool') }
  const before = valuesIn(await disclosed(shop))
  const held = await ask(
    ['retention', 'hold', 'add', '--of', 'gift:1', '--reason', 'case 7', '--by', 'pat'],
    { env },
  )
  assert.equal(held.exitCode, 0, held.err)
  const erasure = ['erase', 'user:bob', '--basis', 'GDPR Art. 17(1)(b)', '--yes']
  const refused = await ask(erasure, { env })
  assert.equal(refused.exitCode, 5)
  assert.match(refused.err, /ERASURE_HELD/)
  assert.deepEqual(valuesIn(await disclosed(shop)), before)
})
