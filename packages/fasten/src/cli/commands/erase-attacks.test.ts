// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../../store/open.ts'
import { openErasureLedger } from '../../store/privacy/erasure-ledger.ts'
import { eraseSubject, type ErasureReceipt } from '../../store/privacy/erase-subject.ts'
import { findKeyRing } from '../../store/privacy/key-file.ts'
import { createSystemRandom } from '../../store/platform.ts'
import { parseDsn } from '../../store/dsn.ts'
import { ask } from '../fixtures/ask.ts'
import {
  emailOf,
  emitRows,
  filesIn,
  findings,
  newShop,
  openShop,
  people,
  type Shop,
} from '../fixtures/gift-shop.ts'
import { openBeside } from '../../store/sqlite/fixtures/beside.ts'

/** Attacks on what an erasure and a personal member promise. Each of them worked once, or was tried in vain. */

const basis = ['--basis', 'GDPR Art. 17(1)(b)', '--yes', '--json']
const erase = (shop: Shop, subject: string, env: Readonly<Record<string, string>> = shop.env) =>
  ask(['erase', subject, ...basis], { env })

async function filledShop(): Promise<Shop> {
  const shop = newShop()
  const fasten = openShop(shop)
  emitRows(fasten, 3)
  assert.equal(await fasten.flush(60_000), true)
  await fasten.close()
  return shop
}

test('a wrong key gets no receipt: it cannot know whose the values are', async () => {
  const shop = await filledShop()
  const env = { ...shop.env, FASTEN_PRIVACY_KEY: Buffer.alloc(32, 7).toString('hex') }
  for (const command of [
    ['erase', 'user:bob'],
    ['erase', 'user:bob', ...basis],
  ]) {
    const { exitCode, err } = await ask(command, { env })
    assert.equal(exitCode, 5, err)
    assert.match(err, /PRIVACY_KEY_MISSING/)
  }
  assert.ok(!filesIn(shop.folder).some((path) => path.includes('erasures')), 'nothing was begun')
})

test('a name that nobody has gets a receipt that says so', async () => {
  const shop = await filledShop()
  for (const subject of ['bob', 'USER:BOB', ' user:bob']) {
    const { out, exitCode } = await erase(shop, subject)
    const receipt = JSON.parse(out) as ErasureReceipt
    assert.deepEqual([exitCode, receipt.is_complete, receipt.values], [1, false, 0], subject)
    assert.match(receipt.remaining.join(), /nothing under this name was ever sealed/)
  }
  const found = await erase(shop, 'user:bob')
  assert.deepEqual([found.exitCode, (JSON.parse(found.out) as ErasureReceipt).is_complete], [0, true])
  assert.equal((await erase(shop, 'user:bob')).exitCode, 0, 'again')
})

test('an erasure that cannot be signed says that it is done', async () => {
  const shop = await filledShop()
  const env = { ...shop.env, FASTEN_NODE_KEY: 'no key' }
  const { exitCode, out, err } = await erase(shop, 'user:bob', env)
  assert.equal((JSON.parse(out) as ErasureReceipt).is_complete, true)
  assert.match(err, /^the erasure is done and need not be run again; .* not signed yet: .*KEY_/)
  assert.equal(exitCode, 1)
  const later = await erase(shop, 'user:bob')
  assert.deepEqual([later.exitCode, later.err], [0, ''])
})

test('a person is found however Unicode composes their name', async () => {
  const shop = newShop()
  const fasten = openShop(shop)
  fasten.emit({ code: 'NOTE_KEPT', target: 'user:Zoe\u0308', detail: { note: 'secret' } })
  await fasten.flush(60_000)
  await fasten.close()
  const { out } = await erase(shop, 'user:Zo\u00eb')
  assert.equal((JSON.parse(out) as ErasureReceipt).values, 1)
})

test('the legal ground, which is kept for ever, may name nobody', async () => {
  const shop = await filledShop()
  for (const words of ['asked for by BOB@example.org', 'user:bob wrote to us']) {
    const { exitCode, err } = await ask(['erase', 'user:bob', '--basis', words, '--yes'], { env: shop.env })
    assert.equal(exitCode, 2, err)
    const asked = await ask(['erase', 'request', 'user:bob', '--basis', words], { env: shop.env })
    assert.equal(asked.exitCode, 2, asked.err)
  }
})

test('a hold that is placed while the erasure is on its way still counts', async () => {
  const shop = await filledShop()
  const dsn = parseDsn(shop.env['FASTEN_AUDIT_DSN'] ?? '')
  const store = await openStore({ dsn, streams: ['audit'], keyDirectory: shop.env['FASTEN_KEY_DIR'] ?? '' })
  const ring = findKeyRing(
    { key: undefined, keyFile: undefined },
    join(shop.env['FASTEN_KEY_DIR'] ?? '', 'privacy.key'),
    createSystemRandom(),
  )
  const { personal } = store
  assert.ok(personal && ring)
  const attempt = eraseSubject({
    store: {
      ...personal,
      spoolPosition: (spool) => store.spoolPosition(spool),
      // The last moment before the transaction.
      async erase(tombstone, deed) {
        await ask(['retention', 'hold', 'add', '--of', 'gift:1', '--reason', 'case 7', '--by', 'pat'], {
          env: shop.env,
        })
        return personal.erase(tombstone, deed)
      },
    },
    ring,
    ledger: null,
    spoolRoot: null,
    tenant: '',
    subject: 'user:bob',
    basis: 'x',
    erased_at: '2026-11-26T12:00:00.000000Z',
  })
  await assert.rejects(attempt, { code: 'ERASURE_HELD' })
  await store.close()
})

test('a row that waits in a spool is held as well', async () => {
  const shop = await filledShop()
  const held = ['retention', 'hold', 'add', '--of', 'gift:99', '--reason', 'case 7', '--by', 'pat']
  assert.equal((await ask(held, { env: shop.env })).exitCode, 0)
  // Its drainer lies still, unless somebody waits for it.
  const fasten = openShop(shop, { drainLingerMs: 10_000 })
  const detail = { payer: { id: 'user:bob', email: emailOf('bob') }, friends: [] }
  fasten.emit({ code: 'GIFT_SENT', target: 'gift:99', actor: 'user:bob', detail })
  const refused = await erase(shop, 'user:bob')
  assert.match(refused.err, /ERASURE_HELD/)
  await fasten.close()
})

test('keys and values that came by way of an outbox are gone, too', async () => {
  const shop = await filledShop()
  const own = openBeside(join(shop.folder, 'rows.db'))
  const outbox: Buffer[] = []
  const writer = openShop(shop)
  await writer.ready()
  own.exec('BEGIN IMMEDIATE')
  void writer.emit(own, {
    code: 'NOTE_KEPT',
    target: 'user:bob',
    detail: { note: `about ${emailOf('bob')}` },
  })
  for (const { frame } of own.prepare('SELECT frame FROM fasten_outbox').all())
    outbox.push(Buffer.from(frame as Uint8Array))
  await writer.close(100)
  own.exec('COMMIT')
  own.close()
  const [frame] = outbox
  assert.ok(frame)
  const wrapped = /"wrapped":"([^"]+)"/.exec(frame.toString('latin1'))?.[1] ?? ''
  assert.ok(wrapped.length > 40)
  assert.ok(findings(shop.folder, [wrapped]).length > 0, 'the search finds what waits')
  const { out, exitCode, err } = await erase(shop, 'user:bob')
  assert.equal(exitCode, 0, err)
  assert.ok((JSON.parse(out) as ErasureReceipt).is_complete)
  assert.deepEqual(findings(shop.folder, [wrapped]), [])
})

test('nothing personal is in a line or a file of a living process', async () => {
  const shop = newShop()
  const written: string[] = []
  const sink = { write: (text: string) => written.push(text) > 0 }
  const fasten = openShop(shop, { stdout: 'audit,sys,api', logFormat: 'json', writable: sink, notices: sink })
  emitRows(fasten, 3)
  await fasten.flush(60_000)
  emitRows(fasten, 3)
  fasten.syncNow()
  const secrets = people.map(emailOf)
  assert.ok(written.join('').includes('NOTE_KEPT'), 'lines were written')
  assert.ok(!secrets.some((secret) => written.join('').includes(secret)))
  assert.deepEqual(findings(shop.folder, secrets), [])
  await fasten.close()
})

test('a living process with its files open keeps no trace of an erased person in them', async () => {
  const shop = newShop()
  const fasten = openShop(shop)
  emitRows(fasten, 3)
  await fasten.flush(60_000)
  const keys = openBeside(join(shop.folder, 'rows.db-keys/data-keys.db'), { readOnly: true })
  const rows = openBeside(join(shop.folder, 'rows.db'), { readOnly: true })
  const plan = await ask(['erase', 'user:bob', '--json'], { env: shop.env })
  const { subject } = JSON.parse(plan.out) as { subject: string }
  const mine = keys.prepare('SELECT id, wrapped FROM keys WHERE subject = ?').all(subject)
  const boxes = mine.flatMap(({ id }) =>
    rows.prepare('SELECT box, lookup FROM fasten_disclosures WHERE key_id = ?').all(String(id)),
  )
  keys.close()
  rows.close()
  const traces = [
    ...mine.map(({ wrapped }) => String(wrapped)),
    ...boxes.flatMap(({ box, lookup }) => [
      box as Uint8Array,
      Buffer.from(box as Uint8Array).toString('base64'),
      ...(lookup === null ? [] : [String(lookup)]),
    ]),
  ]
  assert.ok(traces.length > 6 && findings(shop.folder, traces).length > 1)
  const { exitCode, err } = await erase(shop, 'user:bob')
  assert.equal(exitCode, 0, err)
  assert.deepEqual(findings(shop.folder, traces), [])
  await fasten.close()
})

test('what was cut off while the ledger was written harms no later erasure', async () => {
  const shop = await filledShop()
  await erase(shop, 'user:bob')
  const path = filesIn(shop.folder).find((file) => file.includes('erasures')) ?? ''
  appendFileSync(path, '{"tenant":"","subj')
  assert.equal(openErasureLedger(path).read().length, 1)
  const { exitCode, err } = await erase(shop, 'user:eve')
  assert.equal(exitCode, 0, err)
  assert.equal(openErasureLedger(path).read().length, 2)
  writeFileSync(path, readFileSync(path, 'utf8').replace('{"tenant"', '{"tena'))
  assert.throws(() => openErasureLedger(path).read(), { code: 'ERASURE_LEDGER' })
})

test('who has no key learns nothing from a look-up: the same person has another one in every shop', async () => {
  const found = [await filledShop(), await filledShop()].map(({ folder }) => {
    const rows = openBeside(join(folder, 'rows.db'), { readOnly: true })
    const lookups = rows
      .prepare('SELECT DISTINCT lookup FROM fasten_disclosures WHERE lookup IS NOT NULL')
      .all()
    rows.close()
    return lookups.map(({ lookup }) => String(lookup))
  })
  const [one = [], other = []] = found
  assert.deepEqual([one.length, other.length], [3, 3])
  assert.ok(one.every((lookup) => !other.includes(lookup)))
})
