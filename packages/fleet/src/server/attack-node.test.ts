// SPDX-License-Identifier: Apache-2.0
/** Who took over a node: a client written by hand, with the node's credential and a key that the fleet believes. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { relaid, testKey, type Crafted } from '../ingest/fixtures/crafted.ts'
import { enrol, push, pushed } from '../ingest/fixtures/pushing.ts'
import { bodyOf, startNode } from '../ingest/fixtures/real-node.ts'
import { startFleet, type Answer } from '../testing/fixtures/start-fleet.ts'

const server = await startPostgres()
const fleet = await startFleet({ databaseUrl: await server.freshDatabase() })
const node = startNode({ tenant_id: 'acme' })
await node.live(6)
const { lines } = await node.read(node.logOf('audit'))
const key = testKey()
const stolen = await enrol(fleet, node, { tenants: ['acme'], public_keys: [key.publicKey] })
const admin = await fleet.key('admin')
after(async () => {
  await node.close()
  await fleet.close()
  await server.remove()
})

const log = node.logOf('audit')
const honest = relaid(lines, log)
const sectionOf = ({ lines: rows, hashes }: Crafted, size = rows.length) => ({
  log,
  from: 0,
  lines: rows.slice(0, size),
  checkpoint: key.checkpoint(log, hashes, size),
})
const status = (size: number): Promise<Answer> =>
  fleet.ask(stolen, '/ingest/v1/status', {
    method: 'POST',
    body: {
      software: 'x/1',
      sent_at: '2026-11-26T10:00:00.000000Z',
      logs: [{ log, size, signed_size: size }],
      spool: { rows: 0, bytes: 0 },
      stats: {},
    },
  })
async function alarms(): Promise<readonly string[]> {
  const { body } = await fleet.ask(admin, '/api/v1/alarms')
  const { alarms: standing } = body as { alarms: { kind: string; subject: string }[] }
  return standing.filter(({ subject }) => subject === log).map(({ kind }) => kind)
}

test('he says that the log is shorter than it was: an alarm, once', async () => {
  assert.deepEqual(await pushed(fleet.url, stolen, sectionOf(honest)), [
    { size: 7, signed_size: 7, cosignature: 'there' },
  ])
  assert.equal((await status(7)).status, 200)
  assert.deepEqual(await alarms(), [])
  for (const size of [5, 5]) assert.equal((await status(size)).status, 200)
  assert.deepEqual(await alarms(), ['rollback'])
  const told = await fleet.told('ALARM_RAISED')
  assert.equal(told.filter(({ detail }) => (detail as { kind: string }).kind === 'rollback').length, 1)
})

test('he writes the past anew, with right places, links, hashes and a right signature: a fork, and the first stays', async () => {
  const rewritten = relaid(lines, log, (row, seq) => (seq === 4 ? { ...row, target: 'valve/9' } : row))
  for (const section of [sectionOf(rewritten), { ...sectionOf(rewritten), lines: [], from: 7 }]) {
    const [answer] = await pushed(fleet.url, stolen, section)
    assert.deepEqual([answer?.size, answer?.refused?.code], [7, 'FORK_DETECTED'])
  }
  assert.ok((await alarms()).includes('fork'))
  const { rows } = await fleet.database.pool.query<{ leaf: string }>(
    'SELECT leaf FROM audit_log JOIN fasten_logs USING (log_id) WHERE log = $1 ORDER BY monotonic_seq',
    [log],
  )
  assert.deepEqual(
    rows.map(({ leaf }) => leaf),
    honest.lines.map((line) => Buffer.from(line).toString()),
  )
})

test('he signs an older end, sends half a body, and what was sent before: nothing changes and nothing is cosigned', async () => {
  assert.deepEqual(await pushed(fleet.url, stolen, sectionOf(honest, 5)), [{ size: 7, signed_size: 7 }])
  const whole = bodyOf(sectionOf(honest))
  const { status: code, body } = await push(fleet.url, stolen, whole.subarray(0, whole.length - 9))
  assert.deepEqual([code, body.code], [400, 'BODY_TRUNCATED'])
  assert.deepEqual(await pushed(fleet.url, stolen, sectionOf(honest)), [
    { size: 7, signed_size: 7, cosignature: 'there' },
  ])
})

test('he brings in a key that nobody vouches for, asks as an administrator, and writes for another tenant', async () => {
  const body = { public_key: testKey().publicKey, signature: 'ab'.repeat(64) }
  const brought = await fleet.ask(stolen, '/ingest/v1/keys', { method: 'POST', body })
  assert.deepEqual([brought.status, (brought.body as { code: string }).code], [403, 'KEY_UNSIGNED'])
  for (const path of ['/api/v1/nodes', '/api/v1/users', '/api/v1/audit'])
    assert.notEqual((await fleet.ask(stolen, path)).status, 200, path)
  const foreign = log.replace('acme/', 'victim/')
  const [answer] = await pushed(fleet.url, stolen, { ...sectionOf(relaid(lines, foreign)), log: foreign })
  assert.deepEqual([answer?.size, answer?.refused?.code], [0, 'WRONG_LOG'])
})
