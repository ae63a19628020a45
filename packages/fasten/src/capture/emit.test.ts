// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { chmodSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { FastenError } from '../core/error.ts'
import { isRowId } from '../core/ids.ts'
import { acquireLock } from '../store/spool/lock.ts'
import { listQuarantine } from '../store/quarantine.ts'
import { lockPath, listSpools } from '../store/spool/layout.ts'
import { runWithContext } from './context.ts'
import { bench } from './fixtures/instance.ts'
import { withRequestID } from './request-id.ts'
import { openBeside } from '../store/sqlite/fixtures/beside.ts'
import { codePoint } from '../core/fixtures/code-point.ts'

describe('emit', () => {
  it('fills every anchor: from the call, from the request, from the code, then by default', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start({ tenant_id: 'acme' })
    runWithContext(
      {
        request_id: 'req-1',
        method: 'http',
        actor: 'ann',
        actor_kind: 'user',
        source: { ip: '192.0.2.7' },
        trace_id: '0af7651916cd43dd8448eb211c80319c',
      },
      () =>
        fasten.emit({
          code: 'USER_CREATED',
          target: 'user/42',
          changeRef: 'CHG-7',
          detail: { email: 'ann@example.org' },
        }),
    )
    fasten.emit({ code: 'USER_CREATED', target: 'user/43' })
    assert.equal(await fasten.flush(), true)
    const [inside, outside] = await auditRows()
    assert.ok(inside && outside)
    const { id, boot_id, boot_seq, timestamp, prev_hash, ...rest } = inside
    assert.ok(isRowId(id))
    assert.match(boot_id, /^[0-9a-f]{16}$/)
    assert.equal(boot_seq, 0)
    assert.match(timestamp, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    assert.match(prev_hash, /^[0-9a-f]{64}$/)
    assert.deepEqual(rest, {
      canonical_form_id: '3',
      wire_version: '2',
      log: 'acme/shop/node-1/audit',
      stream: 'audit',
      monotonic_seq: 1,
      service_id: 'shop',
      source_node_id: 'node-1',
      tenant_id: 'acme',
      request_id: 'req-1',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      code: 'USER_CREATED',
      action: 'create',
      severity: 'info',
      domain: 'user',
      category: 'account',
      actor: 'ann',
      actor_kind: 'user',
      target: 'user/42',
      method: 'http',
      outcome: 'success',
      change_ref: 'CHG-7',
      source: { ip: '192.0.2.7' },
      retention_class: 'long',
      detail: { email: 'ann@example.org' },
    })
    assert.deepEqual(
      {
        actor: outside.actor,
        actor_kind: outside.actor_kind,
        method: outside.method,
        boot_seq: outside.boot_seq,
      },
      { actor: 'system', actor_kind: 'system', method: 'sdk', boot_seq: 1 },
    )
    assert.match(outside.request_id, /^orphan-shop-[0-9a-f]{12}$/)
  })

  it('answers a receipt at once, then durable, then stored with place and hash', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start()
    const receipt = fasten.emit({ code: 'USER_CREATED', target: 'user/1' })
    assert.equal(receipt.accepted, true)
    await receipt.durable
    const place = await receipt.stored
    const [row] = await auditRows()
    assert.equal(row?.id, receipt.id)
    assert.deepEqual(
      { log: place.log, monotonic_seq: place.monotonic_seq },
      { log: row?.log, monotonic_seq: row?.monotonic_seq },
    )
    assert.match(place.hash, /^[0-9a-f]{64}$/)
    assert.equal(receipt.durable, receipt.durable, 'one promise, however often it is read')
  })

  it('has the bytes in a spool file before it returns', (t) => {
    const { start, path } = bench(t)
    const fasten = start()
    const { id } = fasten.emit({ code: 'USER_CREATED', target: 'user/1' })
    assert.ok(spoolText(path).includes(id))
  })

  it('with durability tick writes at the end of the turn, in order', async (t) => {
    const { start, path, auditRows } = bench(t)
    const fasten = start({ durability: 'tick' })
    const receipts = Array.from({ length: 5 }, (_, index) =>
      fasten.emit({ code: 'USER_CREATED', target: `user/${index}` }),
    )
    assert.ok(receipts.every(({ accepted }) => accepted))
    assert.ok(!spoolText(path).includes(receipts[0]?.id ?? '?'), 'nothing is written within the turn')
    assert.equal(fasten.stats().held, 5)
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(spoolText(path).includes(receipts[4]?.id ?? '?'))
    await receipts[4]?.stored
    assert.deepEqual(
      (await auditRows()).map(({ target }) => target),
      ['user/0', 'user/1', 'user/2', 'user/3', 'user/4'],
    )
  })

  it('with durability memory and a database in memory needs no disk at all', async (t) => {
    const { start } = bench(t)
    const fasten = start({ durability: 'memory', audit_dsn: 'sqlite:///:memory:' })
    const receipt = fasten.emit({ code: 'USER_CREATED', target: 'user/1' })
    assert.equal((await receipt.stored).monotonic_seq, 1)
    const rows = await fasten.sources().streams.audit.scan({ stream: 'audit', order: 'stored', limit: 10 })
    assert.equal(rows.length, 2)
  })

  it('drains on the main thread where threads are off, with the same result', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start({ drain_thread: false })
    for (let index = 0; index < 300; index++) fasten.emit({ code: 'USER_CREATED', target: `user/${index}` })
    assert.equal(await fasten.flush(), true)
    assert.equal(fasten.stats().has_drain_thread, false)
    assert.equal((await auditRows()).length, 300)
  })

  it('keeps an unregistered code as UNREGISTERED_CODE with the original, and says so once', async (t) => {
    const { start, auditRows, notices } = bench(t)
    const fasten = start()
    fasten.emit({ code: 'NEVER_HEARD', target: 'x', detail: { a: 1 } })
    fasten.emit({ code: 'NEVER_HEARD', target: 'y' })
    await fasten.flush()
    const rows = await auditRows()
    assert.deepEqual(
      rows.map(({ code }) => code),
      ['UNREGISTERED_CODE', 'UNREGISTERED_CODE'],
    )
    assert.deepEqual(rows[0]?.detail, { detail: { a: 1 }, original_code: 'NEVER_HEARD' })
    assert.equal(notices.filter((notice) => notice.includes('NEVER_HEARD')).length, 1)
    assert.equal(fasten.stats().unregistered, 2)
  })

  it('in strict mode throws the programmer’s mistakes, each with the member it is about', (t) => {
    const { start } = bench(t)
    const fasten = start({ strict: true })
    const wrong = (input: unknown, message: RegExp): void =>
      assert.throws(
        () => fasten.emit(input as never),
        (error) => error instanceof TypeError && message.test(error.message),
      )
    wrong({ code: 'NEVER_HEARD', target: 'x' }, /code "NEVER_HEARD" is not registered/)
    wrong({ code: 'USER_CREATED' }, /needs a target/)
    wrong({ code: 'USER_CREATED', target: 'x', acter: 'ann' }, /no member "acter"/)
    wrong(
      { code: 'USER_CREATED', target: 'x', actor_kind: 'martian' },
      /actor_kind must be one of user, .*"martian"/,
    )
    wrong({ code: 'USER_CREATED', target: 7 }, /target must be a string/)
    wrong(null, /takes an object/)
    wrong({ code: 'USER_CREATED', target: 'x', requestId: 'a b' }, /request_id must be 1 to 128 of/)
    wrong({ code: 'USER_CREATED', target: 'x', caused_by: 'evt-1' }, /caused_by must be the id of a row/)
    wrong({ code: 'USER_CREATED', target: 'x', tenant_id: 'a\nb' }, /tenant_id must be 1 to 128 printable/)
    assert.equal(fasten.stats().emitted, 0)
  })

  it('gives a row the id that was reserved for it, once, so that rows before it can name it as their cause', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start()
    const strict = start({ strict: true })
    const reserved = fasten.reserve()
    const inside = fasten.emit({ code: 'USER_CREATED', target: 'inner', caused_by: reserved.id })
    const outside = fasten.emit({ code: 'USER_CREATED', target: 'outer', reserved })
    const again = fasten.emit({ code: 'USER_CREATED', target: 'again', reserved })
    const forged = fasten.emit({ code: 'USER_CREATED', target: 'forged', reserved: { id: inside.id } })
    assert.throws(
      () => strict.emit({ code: 'USER_CREATED', target: 'x', reserved: fasten.reserve() }),
      /only what reserve\(\) of this instance answered/,
    )
    await fasten.flush()
    assert.equal(outside.id, reserved.id)
    assert.equal(new Set([inside.id, outside.id, again.id, forged.id]).size, 4)
    const rows = await auditRows()
    assert.deepEqual(
      rows.map(({ target, caused_by }) => [target, caused_by]),
      [
        ['inner', reserved.id],
        ['outer', undefined],
        ['again', undefined],
        ['forged', undefined],
      ],
    )
  })

  it('outside strict mode keeps the row and says in it what was wrong', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start()
    fasten.emit({
      code: 'USER_CREATED',
      target: 7,
      actor_kind: 'martian',
      acter: 'ann',
      detail: { a: 1 },
    } as never)
    await fasten.flush()
    const [row] = await auditRows()
    assert.equal(row?.target, '7')
    assert.equal(row?.actor_kind, 'system')
    assert.deepEqual(row?.detail, { _corrected: { acter: 'ann', actor_kind: 'martian' }, a: 1 })
  })

  it('never throws into business code, whatever it is given', async (t) => {
    const { start } = bench(t)
    const fasten = start({ durability: 'memory', audit_dsn: 'sqlite:///:memory:' })
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withTypedArray: true,
          withSparseArray: true,
        }),
        fc.string({ unit: codePoint }),
        (detail, target) => {
          fasten.emit({ code: 'USER_CREATED', target, detail: detail as never, reason: detail as never })
        },
      ),
      { numRuns: 300 },
    )
    assert.equal(await fasten.flush(), true)
    const stats = fasten.stats()
    assert.equal(stats.stored + stats.quarantined, 300)
    assert.equal(stats.quarantined, 0)
  })

  it('syncs a fail_closed code before it returns, and throws when it cannot', (t) => {
    const { start, path } = bench(t)
    const fasten = start({ spool_bytes_max: 1 << 20, drain_thread: false })
    const { id } = fasten.emit({ code: 'USER_DELETED', target: 'user/1' })
    assert.ok(spoolText(path).includes(id))
    // Nothing drains within this turn, so the spool reaches its limit.
    const filler = 'x'.repeat(20_000)
    let refused = 0
    for (let index = 0; index < 80; index++)
      if (!fasten.emit({ code: 'USER_CREATED', target: filler, detail: { filler } }).accepted) refused++
    assert.ok(refused > 0)
    assert.throws(
      () => fasten.emit({ code: 'USER_DELETED', target: 'user/2' }),
      (error) => error instanceof FastenError && error.code === 'SPOOL_LIMIT',
    )
    const stats = fasten.stats()
    assert.equal(stats.emitted, stats.accepted + stats.held + stats.refused)
    assert.deepEqual(stats.refused_by_code, { USER_CREATED: refused, USER_DELETED: 1 })
  })

  it('tells a refusal in the receipt, once on stderr, and throws with failure raise', async (t) => {
    const { start, notices } = bench(t)
    const fasten = start({ spool_bytes_max: 1 << 20, drain_thread: false })
    const filler = 'x'.repeat(20_000)
    const receipts = Array.from({ length: 80 }, () =>
      fasten.emit({ code: 'USER_CREATED', target: filler, detail: { filler } }),
    )
    const refused = receipts.filter(({ accepted }) => !accepted)
    assert.ok(refused.length > 1)
    await assert.rejects(refused[0]?.durable ?? Promise.resolve(), { code: 'SPOOL_LIMIT' })
    await assert.rejects(refused[0]?.stored ?? Promise.resolve(), { code: 'SPOOL_LIMIT' })
    assert.equal(notices.filter((notice) => notice.includes('SPOOL_LIMIT')).length, 1)
    await fasten.close()

    const raising = start({ spool_bytes_max: 1 << 20, drain_thread: false, failure: 'raise' })
    assert.throws(
      () => {
        for (let index = 0; index < 80; index++)
          raising.emit({ code: 'USER_CREATED', target: filler, detail: { filler } })
      },
      { code: 'SPOOL_LIMIT' },
    )
  })

  it('waits out a store that is locked by somebody else, and loses nothing', async (t) => {
    const { start, path, auditRows, notices } = bench(t)
    const fasten = start()
    await fasten.emit({ code: 'USER_CREATED', target: 'user/0' }).stored
    const other = openBeside(path)
    other.exec('BEGIN IMMEDIATE')
    for (let index = 1; index <= 50; index++)
      await fasten.emit({ code: 'USER_CREATED', target: `user/${index}` }).durable
    assert.equal(await fasten.flush(50), false, 'nothing can be stored now')
    // On a slow disk that took long enough for the library to say so by a row of its own.
    const degraded = notices.filter((notice) => notice.includes('audit_drain_degraded')).length
    assert.equal(fasten.stats().spooled, 50 + degraded)
    other.exec('ROLLBACK')
    other.close()
    assert.equal(await fasten.flush(), true)
    assert.deepEqual(
      (await auditRows()).filter(({ code }) => code === 'USER_CREATED').map(({ target }) => target),
      Array.from({ length: 51 }, (_, index) => `user/${index}`),
    )
    assert.ok(notices.every((notice) => !notice.includes('refused')))
  })

  it('adopts the spool of a process that died, before its own rows', async (t) => {
    const { start, path, folder, auditRows } = bench(t)
    // A locked database keeps the first instance's rows in its spool; close gives up and leaves them there.
    const first = start()
    await first.emit({ code: 'USER_CREATED', target: 'user/0' }).stored
    const other = openBeside(path)
    other.exec('BEGIN IMMEDIATE')
    for (let index = 1; index <= 20; index++) first.emit({ code: 'USER_CREATED', target: `user/${index}` })
    const orphan = first.emit({ code: 'USER_CREATED', target: 'user/21' })
    const waiting = assert.rejects(orphan.stored, { code: 'NOT_STORED_YET' })
    await first.close(30)
    await waiting
    other.exec('ROLLBACK')
    other.close()
    assert.equal(listSpools(`${path}-spool`).length, 1)
    const second = start()
    await second.emit({ code: 'USER_CREATED', target: 'user/22' }).stored
    assert.deepEqual(
      (await auditRows()).map(({ target }) => target),
      Array.from({ length: 23 }, (_, index) => `user/${index}`),
    )
    await second.close()
    assert.deepEqual(readdirSync(`${path}-spool`), [], `nothing is left in ${folder}`)
  })

  it('puts what the store refuses into quarantine, lets the others pass, and tells it in the trail', async (t) => {
    const { start, path, auditRows, notices } = bench(t)
    const fasten = start({ drain_thread: false })
    // A trigger that somebody else added refuses one row for good.
    await fasten.emit({ code: 'USER_CREATED', target: 'user/0' }).stored
    const other = openBeside(path)
    other.exec(
      `CREATE TRIGGER refuse BEFORE INSERT ON audit_log WHEN NEW.target = 'poison' BEGIN SELECT RAISE(ABORT, 'constraint of a stranger'); END`,
    )
    other.close()
    const good = fasten.emit({ code: 'USER_CREATED', target: 'user/1' })
    const poison = fasten.emit({ code: 'USER_CREATED', target: 'poison' })
    const after = fasten.emit({ code: 'USER_CREATED', target: 'user/2' })
    await Promise.all([good.stored, after.stored])
    await assert.rejects(poison.stored, { code: 'ROW_QUARANTINED' })
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(await fasten.flush(), true)
    const rows = await auditRows()
    assert.deepEqual(
      rows.map(({ code, target }) => (code === 'USER_CREATED' ? target : code)),
      ['user/0', 'user/1', 'user/2', 'ROW_QUARANTINED'],
    )
    const [entry] = listQuarantine(`${path}-spool`)
    assert.ok(entry && Buffer.from(entry.bytes).includes(poison.id))
    assert.equal(rows[3]?.target, entry.name)
    const { accepted, stored, quarantined, spooled } = fasten.stats()
    assert.deepEqual([stored, quarantined, spooled], [4, 1, 0])
    assert.equal(accepted, stored + quarantined + spooled)
    assert.ok(notices.some((notice) => notice.includes('audit_row_quarantined')))
  })

  it('does not touch the spool of a process that lives', async (t) => {
    const { start, path } = bench(t)
    const root = `${path}-spool`
    const fasten = start()
    await fasten.emit({ code: 'USER_CREATED', target: 'a' }).stored
    const [alive] = listSpools(root)
    assert.ok(alive)
    assert.equal(acquireLock(lockPath(root, alive)), null)
    const second = start()
    await second.emit({ code: 'USER_CREATED', target: 'b' }).stored
    assert.ok(listSpools(root).includes(alive))
  })

  it('keeps contexts apart over 5,000 interleaved requests', async (t) => {
    const { start, auditRows } = bench(t)
    const fasten = start()
    await Promise.all(
      Array.from({ length: 5000 }, (_, index) =>
        withRequestID(`req-${index}`, async () => {
          await new Promise((resolve) => setTimeout(resolve, index % 7))
          fasten.emit({ code: 'USER_CREATED', target: `user/${index}` })
        }),
      ),
    )
    await fasten.flush()
    const rows = await auditRows()
    assert.equal(rows.length, 5000)
    assert.ok(rows.every(({ request_id, target }) => request_id === `req-${target?.slice(5)}`))
    assert.deepEqual(
      rows.map(({ boot_seq }) => boot_seq),
      Array.from({ length: 5000 }, (_, index) => index),
    )
  })

  it('makes spool files that only this user can read', (t) => {
    const { start, path } = bench(t)
    start().emit({ code: 'USER_CREATED', target: 'a' })
    assert.equal(statSync(`${path}-spool`).mode & 0o077, 0)
    chmodSync(`${path}-spool`, 0o700)
  })
})

/** Everything in all spool segments beside a database. */
function spoolText(path: string): string {
  const root = `${path}-spool`
  return listSpools(root)
    .flatMap((spool) =>
      readdirSync(join(root, spool))
        .filter((name) => name.endsWith('.seg'))
        .map((name) => readFileSync(join(root, spool, name), 'latin1')),
    )
    .join('')
}
