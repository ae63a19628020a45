// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import type { AuditDraft } from '../../core/row.ts'
import { createSampleDrafts } from '../../testing/sample-drafts.ts'
import { assertSound, evidenceOf, spooled } from '../../testing/store-contract.ts'
import { batch, openAt, sqlAt, writerAt } from './fixtures/places.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

test('text that no column can hold, or no index, comes back as it was, verifies and is found', async () => {
  const store = await openAt(await server.freshStore())
  const samples = createSampleDrafts()
  const long = 'ä🚲'.repeat(1200)
  const members: Partial<AuditDraft>[] = [
    { actor: 'a\0b', target: '\0', reason: 'x\0' },
    { actor: long, code: `LONG_${long}`, request_id: `r-${long}`, action: long },
    { actor: long.slice(0, 200), code: `LONG_${long.slice(0, 195)}` },
    {
      actor: "Robert'); DROP TABLE audit_log;--",
      target: 'back\\slash\ttab\nline\r"quote"',
      detail: { n: '\\N' },
    },
    { actor: '', target: '\u0001\u001f\u007f\u0085\u2028\ufeff\uffff\u{10ffff}' },
    { actor: '{a,b}', target: 'NULL', action: '\\x41' },
  ]
  const drafts = members.map((each) => samples.audit(each))
  await store.append(batch(drafts, 1))
  await assertSound(store)
  for (const draft of drafts) {
    const { actor = '', target = '', code, request_id } = draft
    for (const filter of [{ actor, target }, { id: draft.id }, { code, request_id, actor }]) {
      const found = await store.scan({ stream: 'audit', filter, order: 'newest', limit: 10 })
      assert.ok(
        found.some(({ row }) => row.id === draft.id),
        JSON.stringify(filter).slice(0, 80),
      )
    }
  }
  const find = async (filter: object): Promise<string[]> =>
    (await store.scan({ stream: 'audit', filter, order: 'oldest', limit: 10 })).map(({ row }) => row.id)
  assert.deepEqual(await find({ code: 'LONG_*' }), [drafts[1]?.id, drafts[2]?.id])
  assert.deepEqual(await find({ code: `LONG_${long.slice(0, 1000)}*` }), [drafts[1]?.id])
  assert.deepEqual(await find({ actor: long }), [drafts[1]?.id])
  assert.deepEqual(await find({ actor: 'a\0c' }), [])
  assert.deepEqual(await find({ has: ['actor', 'reason'], target: '\0' }), [drafts[0]?.id])
  await store.close()
})

test('a column that somebody emptied or filled beside a member with U+0000 is seen', async () => {
  const url = await server.freshStore()
  const store = await openAt(url)
  const samples = createSampleDrafts()
  await store.append(batch([samples.audit({ actor: 'a\0b' }), samples.audit({ reason: '\0' })], 1))
  const sql = await sqlAt(url)
  await sql.run("SET fasten.sweep = 'on'")
  await sql.run("UPDATE audit_log SET actor = 'other' WHERE monotonic_seq = 1")
  await sql.run('UPDATE audit_log SET actor = NULL WHERE monotonic_seq = 2')
  await sql.client.end()
  const rows = await evidenceOf(store, '_/gateway/edge-1/audit')
  assert.deepEqual(
    rows.map(({ columns }) => columns['actor']),
    ['fasten', 'other', null],
  )
  await store.close()
})

test('evidence yields every row wherever its number lies, and each once', async () => {
  const url = await server.freshStore()
  const store = await openAt(url)
  const samples = createSampleDrafts()
  const log = '_/gateway/edge-1/audit'
  await store.append(
    batch(
      Array.from({ length: 1199 }, () => samples.audit()),
      1,
    ),
  )
  const sql = await sqlAt(url)
  await sql.run("SET fasten.sweep = 'on'")
  const strays = ['-9223372036854775808', '-9223372036854775807', '-5', '40000000000', '9223372036854775807']
  for (const [index, seq] of strays.entries())
    await sql.run('UPDATE audit_log SET monotonic_seq = $1 WHERE monotonic_seq = $2', [
      seq,
      100 * (index + 1),
    ])
  await sql.client.end()
  const rows = await evidenceOf(store, log)
  assert.equal(new Set(rows.map(({ position }) => position)).size, 1200)
  assert.equal(rows.length, 1200)
  const seqs = rows.map(({ monotonic_seq }) => monotonic_seq)
  assert.deepEqual(
    seqs,
    seqs.toSorted((one, other) => one - other),
  )
  assert.deepEqual(
    [seqs[0], seqs[2], seqs[3], seqs.at(-2), seqs.at(-1)],
    [-(2 ** 63), -5, 0, 40_000_000_000, 2 ** 63],
  )
  const some: number[] = []
  for await (const { monotonic_seq } of store.evidence(log, 99, 612)) some.push(monotonic_seq)
  assert.deepEqual([some.length, some[0], some.at(-1)], [509, 99, 612])
  await store.close()
})

test('numbers that are no integers and ids that no index takes are refused, with the row named', async () => {
  const store = await openAt(await server.freshStore())
  const samples = createSampleDrafts()
  const good = samples.api()
  const { rejected } = await store.append({
    spool: '00000000000000aa',
    position: 1n,
    drafts: [
      spooled(samples.api({ status: 200.5 })),
      spooled(samples.api({ duration_us: 1e300 })),
      spooled(good),
      spooled(samples.audit({ id: `evt-${'x'.repeat(600)}` })),
    ],
  })
  assert.deepEqual(
    rejected.map(({ index, code }) => [index, code]),
    [
      [0, 'DRAFT_MALFORMED'],
      [1, 'DRAFT_MALFORMED'],
      [3, 'DRAFT_MALFORMED'],
    ],
  )
  await store.close()
})

test('a log that lost rows, was rolled back or grew behind our back is not continued', async () => {
  const url = await server.freshStore()
  const samples = createSampleDrafts()
  const store = await openAt(url)
  const sql = await sqlAt(url)
  await sql.run("SET fasten.sweep = 'on'")
  const append = async () => (await store.append(batch([samples.audit()], 1))).appended[0]?.log
  const base = '_/gateway/edge-1/audit'
  const harms: readonly (readonly [string, string])[] = [
    ['UPDATE fasten_logs SET size = size - 1 WHERE log = $1', 'rolled_back'],
    // The generation before it is still there, and shorter.
    ['DELETE FROM fasten_logs WHERE log = $1', 'rolled_back'],
    [
      `INSERT INTO audit_log (stored_on, position, log_id, monotonic_seq, hash)
      SELECT stored_on, 5000, log_id, monotonic_seq + 1, hash FROM audit_log
      WHERE log_id = (SELECT log_id FROM fasten_logs WHERE log = $1) ORDER BY monotonic_seq DESC LIMIT 1`,
      'rows_beyond_head',
    ],
    [`UPDATE fasten_logs SET head_hash = repeat('0', 64) WHERE log = $1`, 'diverged'],
  ]
  assert.equal(await append(), base)
  let log = base
  for (const [index, [harm, reason]] of harms.entries()) {
    assert.equal(await append(), log)
    assert.equal(await sql.change(harm, [log]), 1, reason)
    const next = `${base}~${index + 2}`
    assert.equal(await append(), next, reason)
    const [first] = await evidenceOf(store, next)
    const { previous_log } = (
      JSON.parse(Buffer.from(first?.leaf ?? []).toString()) as {
        detail: { previous_log: Record<string, unknown> }
      }
    ).detail
    assert.deepEqual([previous_log['log'], previous_log['reason']], [log, reason])
    log = next
  }
  await sql.client.end()
  await store.close()
})

test('rows that were cut off while nobody wrote are noticed by the next writer', async () => {
  const url = await server.freshStore()
  const samples = createSampleDrafts()
  const first = await openAt(url)
  await first.append(batch([samples.audit(), samples.audit()], 1))
  await first.close()
  const sql = await sqlAt(url)
  await sql.run("SET fasten.sweep = 'on'")
  await sql.run('DELETE FROM audit_log WHERE monotonic_seq = 2')
  await sql.client.end()
  const second = await openAt(url)
  const { appended } = await second.append(batch([samples.audit()], 2))
  assert.deepEqual(appended[0]?.log, '_/gateway/edge-1/audit~2')
  await second.close()
})

test('a deed and the rows that tell of it commit together, or not at all', async () => {
  const url = await server.freshStore()
  const writer = await writerAt(url)
  const samples = createSampleDrafts()
  const log = '_/gateway/edge-1/audit'
  await writer.append(batch([samples.audit()], 1))
  const own = { code: 'DEGRADED', facts: { error_code: 'X' } } as const
  await assert.rejects(
    writer.perform(async ({ sql, prefix, appendOwn }) => {
      await appendOwn(log, own)
      await sql.run(`CREATE TABLE ${prefix}deed (x int)`)
      throw new TypeError('half way')
    }),
    /half way/,
  )
  const told = await writer.perform(
    async ({ sql, prefix, appendOwn, placeAll }) => {
      await sql.run(`CREATE TABLE ${prefix}deed (x int)`)
      const { appended } = await placeAll([spooled(samples.audit()), spooled(samples.sys())])
      return [...appended, await appendOwn(log, own), await appendOwn('_/gateway/edge-1/sys', own)]
    },
    { logs: [log] },
  )
  assert.deepEqual(
    told.map((row) => [row.log, row.monotonic_seq]),
    [
      [log, 2],
      ['_/gateway/edge-1/sys', 1],
      [log, 3],
      ['_/gateway/edge-1/sys', 2],
    ],
  )
  await writer.close()
  const store = await openAt(url, { mode: 'read' })
  await assertSound(store)
  await store.close()
})

test('many writers of many logs neither wait for each other for ever nor lose a place', async () => {
  const url = await server.freshStore()
  const stores = await Promise.all([0, 1, 2, 3].map(() => openAt(url)))
  const work = stores.map(async (store, index) => {
    const spool = `00000000000000c${index}`
    for (let turn = 0; turn < 10; turn++) {
      // Each batch names all logs, in an order of its own, some of them new.
      const drafts = [0, 1, 2, 3, 4].map((_, at) =>
        createSampleDrafts({
          boot_id: `0000000000${index}${turn}00${at}0`,
          source_node_id: `edge-${(at * (index + 1)) % 5}`,
        }).audit(),
      )
      await store.append(batch(drafts, turn + 1, spool))
    }
  })
  await Promise.all(work)
  const store = stores[0]
  assert.ok(store)
  await assertSound(store)
  const rows = await store.scan({ stream: 'audit', order: 'stored', limit: 10_000 })
  const heads = await store.heads()
  assert.equal(rows.length, 200 + heads.length)
  assert.equal(new Set(rows.map(({ position }) => position)).size, rows.length)
  for (const each of stores) await each.close()
})
