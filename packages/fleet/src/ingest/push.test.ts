// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { enrol, push, pushed, verified } from './fixtures/pushing.ts'
import { bodyOf, leafHashOf, startNode, type StoredLog } from './fixtures/real-node.ts'

const server = await startPostgres()
const fleet = await startFleet({ databaseUrl: await server.freshDatabase() })
const node = startNode()
// Each case has a log of its own: that of a tenant.
const cases = Array.from({ length: 24 }, (_, index) => `t${index}`)
await node.live(6, { tenants: cases })
await node.live(6, { tenants: cases })
const credential = await enrol(fleet, node)
const { url } = fleet
after(async () => {
  await node.close()
  await fleet.close()
  await server.remove()
})

const nextLog = async (): Promise<StoredLog> => node.read(node.logOf('audit', cases.shift()))
const whole = (log: StoredLog) => ({ log: log.log, from: 0, lines: log.lines, checkpoint: log.checkpoint })
const part = (log: StoredLog, from: number, to?: number) => ({
  log: log.log,
  from,
  lines: log.lines.slice(from, to),
})
const edited = (log: StoredLog, at: number, edit: (text: string) => string): StoredLog => ({
  ...log,
  lines: log.lines.map((line, index) =>
    index === at ? Buffer.from(edit(Buffer.from(line).toString('latin1')), 'latin1') : line,
  ),
})

async function evidenceOf({ log }: StoredLog) {
  const { rows } = await fleet.database.pool.query<Readonly<Record<string, unknown>>>(
    'SELECT code, at_seq::int, sent, checkpoint, known, times::int FROM fleet_evidence WHERE log = $1 ORDER BY evidence_id',
    [log],
  )
  return rows
}

async function assertSound(
  log: StoredLog,
  signed = log.lines.length,
  rows = log.lines.length,
): Promise<void> {
  const verdict = await verified(fleet, log.log, node.publicKey())
  assert.deepEqual(
    {
      verdict: verdict.verdict,
      rows: verdict.to_index,
      anchored: verdict.anchored_to?.size,
      breaks: verdict.breaks,
    },
    { verdict: 'PASS', rows, anchored: signed, breaks: [] },
    JSON.stringify(verdict.notes),
  )
}

async function places(...logs: readonly string[]): Promise<unknown> {
  const { status, body } = await fleet.ask(credential, '/ingest/v1/places', {
    method: 'POST',
    body: { logs },
  })
  assert.equal(status, 200)
  return (body as { readonly places: unknown }).places
}

test('rows are stored byte for byte, verify, and bear the signatures of the node and of the fleet', async () => {
  const log = await nextLog()
  assert.deepEqual(await places(log.log), { [log.log]: { size: 0, head_hash: 'genesis', signed_size: 0 } })
  assert.deepEqual(await pushed(url, credential, whole(log)), [
    { size: 13, signed_size: 13, cosignature: 'there' },
  ])
  assert.deepEqual(await places(log.log, 'nobody/shop/n2/audit', 'no log'), {
    [log.log]: { size: 13, head_hash: log.hashes.at(-1), signed_size: 13 },
  })
  const { rows } = await fleet.database.pool.query<{ leaf: string }>(
    'SELECT leaf FROM audit_log JOIN fasten_logs USING (log_id) WHERE log = $1 ORDER BY monotonic_seq',
    [log.log],
  )
  assert.deepEqual(
    rows.map(({ leaf }) => leaf),
    log.lines.map((line) => Buffer.from(line).toString()),
  )
  await assertSound(log)
  const told = await fleet.told('CHECKPOINT_ACCEPTED')
  assert.deepEqual(
    told.filter(({ target }) => target === log.log).map(({ detail }) => (detail as { size: number }).size),
    [13],
  )
})

test('packed bodies are taken, and an unknown packing is not', async () => {
  const log = await nextLog()
  const [first, second] = [bodyOf(part(log, 0, 7)), bodyOf(part(log, 7))]
  assert.equal((await push(url, credential, gzipSync(first), { 'content-encoding': 'gzip' })).status, 200)
  assert.equal(
    (await push(url, credential, zstdCompressSync(second), { 'content-encoding': 'zstd' })).status,
    200,
  )
  assert.deepEqual(await places(log.log), {
    [log.log]: { size: 13, head_hash: log.hashes.at(-1), signed_size: 0 },
  })
  const refused = await push(url, credential, second, { 'content-encoding': 'br' })
  assert.deepEqual([refused.status, refused.body.code], [415, 'ENCODING_UNKNOWN'])
})

test('a node goes on where it was, and what was sent before is skipped, a day later too', async () => {
  const log = await nextLog()
  const early = log.checkpoints.get(7)
  assert.ok(early)
  assert.deepEqual(await pushed(url, credential, { ...part(log, 0, 9), checkpoint: early }), [
    { size: 9, signed_size: 7, cosignature: 'there' },
  ])
  assert.deepEqual(await pushed(url, credential, { ...part(log, 5), checkpoint: log.checkpoint }), [
    { size: 13, signed_size: 13, cosignature: 'there' },
  ])
  assert.deepEqual(await pushed(url, credential, { ...part(log, 0, 9), checkpoint: early }), [
    { size: 13, signed_size: 13 },
  ])
  // The checkpoint by itself, and again: the same cosignature.
  const alone = { log: log.log, from: 13, lines: [], checkpoint: log.checkpoint }
  assert.deepEqual(await pushed(url, credential, alone, alone), [
    { size: 13, signed_size: 13, cosignature: 'there' },
    { size: 13, signed_size: 13, cosignature: 'there' },
  ])
  await assertSound(log)
  assert.deepEqual(await evidenceOf(log), [])
})

test('two senders at once store every row once', async () => {
  const log = await nextLog()
  const rates = await Promise.all([
    pushed(url, credential, whole(log)),
    pushed(url, credential, part(log, 0, 10), { ...part(log, 10), checkpoint: log.checkpoint }),
  ])
  assert.ok(
    rates.flat().every(({ refused }) => refused === undefined),
    JSON.stringify(rates),
  )
  await assertSound(log)
})

test('a gap is answered with the place to go on from, and is no evidence', async () => {
  const log = await nextLog()
  const [first, second] = await pushed(url, credential, part(log, 0, 3), part(log, 5))
  assert.deepEqual([first?.size, second?.size, second?.refused?.code], [3, 3, 'GAP'])
  assert.deepEqual(await evidenceOf(log), [])
})

test('a fork is refused, both sides are kept, and it is told once', async () => {
  const log = await nextLog()
  const other = edited(log, 4, (text) => text.replace('valve/3', 'valve/9'))
  await pushed(url, credential, { ...part(log, 0, 7), checkpoint: log.checkpoints.get(7) })
  for (let times = 0; times < 2; times++) {
    const [answer] = await pushed(url, credential, part(other, 2, 6))
    assert.deepEqual([answer?.size, answer?.refused?.code, answer?.refused?.at_seq], [7, 'FORK_DETECTED', 4])
  }
  const [kept, ...more] = await evidenceOf(log)
  assert.deepEqual(
    {
      ...kept,
      sent: String(kept?.['sent']),
      known: (kept?.['known'] as { readonly hash: string } | undefined)?.hash,
    },
    {
      code: 'FORK_DETECTED',
      at_seq: 4,
      sent: String(other.lines[4]),
      checkpoint: null,
      known: log.hashes[4],
      times: 2,
    },
  )
  assert.deepEqual(more, [])
  const told = await fleet.told('FORK_DETECTED')
  assert.equal(told.filter(({ target }) => target === log.log).length, 1)
  // The good side goes on.
  assert.deepEqual(await pushed(url, credential, { ...part(log, 7), checkpoint: log.checkpoint }), [
    { size: 13, signed_size: 13, cosignature: 'there' },
  ])
  await assertSound(log)
})

test('a log that parted from ours before the rows that are sent is a fork too', async () => {
  const log = await nextLog()
  const other = edited(log, 6, (text) => text.replace(/"prev_hash":"..../, '"prev_hash":"0000'))
  await pushed(url, credential, part(log, 0, 6))
  const [answer] = await pushed(url, credential, part(other, 6))
  assert.deepEqual([answer?.size, answer?.refused?.code, answer?.refused?.at_seq], [6, 'FORK_DETECTED', 6])
})

test('a checkpoint over other rows than were sent is a fork, and its rows are not stored', async () => {
  const [log, lost] = [await nextLog(), await nextLog()]
  const other = edited(log, 12, (text) => text.replace('valve/5', 'valve/8'))
  assert.deepEqual(
    (await pushed(url, credential, whole(other), whole(lost))).map(({ size, refused }) => [
      size,
      refused?.code,
    ]),
    [
      [0, 'FORK_DETECTED'],
      [13, undefined],
    ],
  )
  assert.deepEqual(
    (await evidenceOf(log)).map(({ checkpoint }) => checkpoint),
    [log.checkpoint],
  )
  await pushed(url, credential, whole(log))
  await assertSound(log)
})

const poisons: readonly [what: string, code: string, stored: number, edit: (text: string) => string][] = [
  ['text that is not canonical', 'ROW_MALFORMED', 5, (text) => text.replace(',', ', ')],
  ['invalid UTF-8', 'ROW_MALFORMED', 5, (text) => text.replace('valve/', 'valve\xff')],
  ['another number', 'PLACE_MISMATCH', 5, (text) => text.replace('"monotonic_seq":5', '"monotonic_seq":6')],
  [
    'another tenant',
    'PLACE_MISMATCH',
    5,
    (text) => text.replace(/"tenant_id":"t\d+"/, '"tenant_id":"mallory"'),
  ],
  [
    'another form',
    'FORM_UNKNOWN',
    5,
    (text) => text.replace('"canonical_form_id":"3"', '"canonical_form_id":"4"'),
  ],
  ['a row of 70 KiB', 'ROW_TOO_LARGE', 5, (text) => text.replace('valve/', `valve/${'v'.repeat(70 * 1024)}`)],
  ['a wrong link', 'LINK_MISMATCH', 4, (text) => text.replace(/"prev_hash":"..../, '"prev_hash":"0000')],
  ['something that is no row', 'ROW_MALFORMED', 5, () => 'hello'],
]
for (const [what, code, stored, edit] of poisons)
  test(`${what} in the middle: the rows before it are stored, the others are not, and other logs go on`, async () => {
    const [log, good] = [await nextLog(), { ...part(await node.read(node.logOf('audit')), 0) }]
    const [answer, other] = await pushed(url, credential, whole(edited(log, 5, edit)), good)
    assert.deepEqual(
      { size: answer?.size, code: answer?.refused?.code, at: answer?.refused?.at_seq, other: other?.refused },
      { size: stored, code, at: stored, other: undefined },
    )
    const [kept] = await evidenceOf(log)
    assert.deepEqual([kept?.['code'], kept?.['at_seq']], [code, stored])
    // Mended at the node, it goes on.
    await pushed(url, credential, { ...part(log, stored), checkpoint: log.checkpoint })
    await assertSound(log)
  })

test('whose content has expired comes as a hash, and the row that says so explains it', async () => {
  const log = await nextLog()
  const lines = log.lines.map((line, index) => (index === 3 ? Buffer.from(`#${leafHashOf(line)}`) : line))
  await pushed(url, credential, { ...whole(log), lines })
  const verdict = await verified(fleet, log.log, node.publicKey())
  // No row of a sweep is here: the hash alone explains nothing, and verification says so.
  assert.deepEqual(
    verdict.breaks.map(({ kind, from_index }) => [kind, from_index]),
    [['leaf_unreadable', 3]],
  )
  assert.equal(verdict.anchored_to?.size, 13)
  // The content once more, and a hash once more, are the same row.
  assert.deepEqual(await pushed(url, credential, part(log, 0), { ...whole(log), lines }), [
    { size: 13, signed_size: 13 },
    { size: 13, signed_size: 13, cosignature: 'there' },
  ])
})
