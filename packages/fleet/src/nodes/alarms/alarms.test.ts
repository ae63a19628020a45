// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { formatMicros } from 'fasten/core'
import { createSystemClock } from 'fasten/store'
import { startPostgres } from '../../../../fasten/src/store/postgres/fixtures/server.ts'
import { enrol, pushed } from '../../ingest/fixtures/pushing.ts'
import { startNode } from '../../ingest/fixtures/real-node.ts'
import { startFleet } from '../../testing/fixtures/start-fleet.ts'
import type { ShownNode } from '../list/shown-node.ts'
import type { Alarm } from './alarm.ts'
import { deliverDue } from './deliver.ts'
import { startWebhookReceiver } from './fixtures/webhook-receiver.ts'
import { createAlarmBook } from './raise-alarm.ts'
import { watchNodes, type WatchDeps } from './watch.ts'
import { webhookChannel } from './webhook-channel.ts'

/** A clock that stands still but for what the test moves. */
let micros = createSystemClock().nowMicros()
const clock = { ...createSystemClock(), nowMicros: () => micros }
const minutes = (count: number): number => count * 60_000_000

const secret = 'a secret of the webhook'
const receiver = await startWebhookReceiver(secret, () => micros / 1000)
const postgres = await startPostgres()
const databaseUrl = await postgres.freshDatabase()
const fleet = await startFleet({ databaseUrl, clock })
const second = await startFleet({
  databaseUrl,
  clock,
  env: { FLEET_SERVER_ID: 's2', FLEET_SECRET: readSecret() },
})
after(async () => {
  await second.close()
  await fleet.close()
  await postgres.remove()
  await receiver.close()
})
const admin = await fleet.key('admin')

function readSecret(): string {
  return process.getBuiltinModule('fs').readFileSync(`${fleet.dataDir}/secret`, 'utf8').trim()
}

const limits = { silentS: 900, unanchoredS: 900, lagRows: 1000, lagS: 900, clockS: 60, spoolPercent: 80 }
const channel = webhookChannel({ url: receiver.url, secret, clock })
const depsOf = ({ database, fasten }: typeof fleet): WatchDeps & Parameters<typeof deliverDue>[0] => ({
  database,
  fasten,
  clock,
  limits,
  channels: [channel],
  name: 'fleet',
  book: createAlarmBook({ fasten, clock, channels: [channel.name] }),
})
const deps = depsOf(fleet)
const beside = depsOf(second)

/** Time goes by, and both servers look each minute. */
async function pass(count: number): Promise<void> {
  for (let minute = 0; minute < count; minute++) {
    micros += minutes(1)
    await Promise.all([watchNodes(deps), watchNodes(beside)])
  }
}

async function alarms(state = 'standing'): Promise<readonly Alarm[]> {
  const { body } = await fleet.ask(admin, `/api/v1/alarms?state=${state}`)
  return (body as { alarms: readonly Alarm[] }).alarms
}

const kinds = async (subject: string): Promise<readonly string[]> =>
  (await alarms()).filter((alarm) => alarm.subject === subject).map(({ kind }) => kind)

interface TestNode {
  readonly subject: string
  readonly credential: string
  readonly status: (about?: Readonly<Record<string, unknown>>) => Promise<void>
}

async function joined(source_node_id: string): Promise<TestNode> {
  const credential = await enrol(
    fleet,
    { publicKey: () => '1'.repeat(64) },
    { source_node_id, tenants: ['acme'] },
  )
  return {
    subject: `node:${credential.split('_')[1] ?? ''}`,
    credential,
    async status(about = {}) {
      const answer = await fleet.ask(credential, '/ingest/v1/status', {
        method: 'POST',
        body: {
          software: 'fasten/1',
          sent_at: formatMicros(micros),
          logs: [],
          spool: { rows: 0, bytes: 0 },
          stats: {},
          ...about,
        },
      })
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
    },
  }
}

/** Nodes of the cases before are gone, so that they alarm nobody in this one. */
async function alone(): Promise<void> {
  const { body } = await fleet.ask(admin, '/api/v1/nodes?revoked=false')
  for (const { node_id } of (body as { nodes: readonly ShownNode[] }).nodes)
    await fleet.ask(admin, `/api/v1/nodes/${node_id}/revoke`, { method: 'POST' })
  await watchNodes(deps)
  assert.deepEqual(await alarms(), [])
}

test('a node that falls silent is raised once by two servers, told once, and over when it comes back', async () => {
  await alone()
  const node = await joined('quiet')
  await node.status()
  const told = receiver.got.length
  await pass(15)
  assert.deepEqual(await kinds(node.subject), [], 'not before the 15 minutes are over')
  await pass(3)
  assert.deepEqual(await kinds(node.subject), ['silent'])
  await Promise.all([deliverDue(deps), deliverDue(beside), deliverDue(deps), deliverDue(beside)])
  assert.deepEqual(
    receiver.got.slice(told).map(({ body }) => {
      const { event, alarm } = JSON.parse(body) as { event: string; alarm: Alarm }
      return [event, alarm.kind, alarm.subject]
    }),
    [['raised', 'silent', node.subject]],
  )
  const shown = async () =>
    (await fleet.ask(admin, `/api/v1/nodes/${node.subject.slice(5)}`)).body as ShownNode
  assert.equal((await shown()).chain, 'silent')
  await node.status()
  await pass(1)
  assert.deepEqual([await kinds(node.subject), (await shown()).chain], [[], 'empty'])
  await deliverDue(beside)
  assert.equal(receiver.got.length, told + 2)
  // Each server has its log, and the clock that they share has moved between the two.
  const rows = (await fleet.told('ALARM_RAISED', 'ALARM_CLEARED'))
    .filter(({ detail }) => (detail as Alarm).subject === node.subject)
    .toSorted((one, other) => (String(one['timestamp']) < String(other['timestamp']) ? -1 : 1))
  assert.deepEqual(
    rows.map(({ code }) => code),
    ['ALARM_RAISED', 'ALARM_CLEARED'],
  )
})

test('a node has a time of its own, and a fleet that was away blames no node for it', async () => {
  await alone()
  const [patient, usual] = [await joined('patient'), await joined('usual')]
  await patient.status()
  await usual.status()
  await fleet.ask(admin, `/api/v1/nodes/${patient.subject.slice(5)}/settings`, {
    method: 'POST',
    body: { silent_after_s: 1800 },
  })
  micros += minutes(600)
  await watchNodes(deps)
  assert.deepEqual(await alarms(), [], 'nobody looked for ten hours')
  await pass(20)
  assert.deepEqual([await kinds(patient.subject), await kinds(usual.subject)], [[], ['silent']])
  await pass(11)
  assert.deepEqual(await kinds(patient.subject), ['silent'])
  const { rows } = await fleet.database.pool.query(
    'SELECT FROM fleet_alarms WHERE kind = $1 AND cleared_at IS NULL',
    ['silent'],
  )
  assert.equal(rows.length, 2)
})

test('clock, spool and lag are raised by what a node says, and over by what it says', async () => {
  await alone()
  const node = await joined('reports')
  const log = 'acme/shop/reports/audit'
  const sent = (aheadS: number): object => ({ sent_at: formatMicros(micros + aheadS * 1_000_000) })
  const standing = async (about: Readonly<Record<string, unknown>>): Promise<readonly string[]> => {
    await node.status(about)
    await watchNodes(deps)
    return [...(await kinds(node.subject)), ...(await kinds(log))].sort()
  }
  assert.deepEqual(await standing({ ...sent(61) }), ['clock'])
  assert.deepEqual(await standing({ ...sent(59) }), [])
  assert.deepEqual(await standing({ ...sent(-80) }), [], 'a request may have been on its way for 30 s')
  assert.deepEqual(await standing({ ...sent(-80), round_trip_ms: 500 }), ['clock'])
  assert.deepEqual(await standing({ ...sent(-61), round_trip_ms: 2000 }), [], 'within its bound it is right')
  assert.deepEqual(await standing({ spool: { rows: 1, bytes: 81, bytes_max: 100 } }), ['spool'])
  assert.deepEqual(await standing({ spool: { rows: 1, bytes: 80, bytes_max: 100 } }), [])
  assert.deepEqual(await standing({ logs: [{ log, size: 1000, signed_size: 0 }] }), [])
  // A log of its own, since one that said less again would be another alarm.
  const longer = 'acme/shop/reports/api'
  await standing({ logs: [{ log: longer, size: 1001, signed_size: 0 }] })
  assert.deepEqual(await kinds(longer), ['lag'])
  for (let minute = 0; minute < 16; minute++) {
    micros += minutes(1)
    await standing({ logs: [{ log, size: 1000, signed_size: 0 }] })
  }
  assert.deepEqual(await kinds(log), ['lag'], 'few rows, and 15 minutes old')
  const shown = (await fleet.ask(admin, `/api/v1/nodes/${node.subject.slice(5)}`)).body as ShownNode
  assert.deepEqual([shown.lag, shown.clock?.bound_ms], [{ rows: 2001, seconds: 960 }, null])
})

test('rows that no checkpoint covers for 15 minutes are an alarm until one does', async () => {
  await alone()
  const node = startNode({ source_node_id: 'tail' })
  await node.live(3)
  const credential = await enrol(fleet, node, { source_node_id: 'tail' })
  const log = node.logOf('audit')
  const { lines, checkpoint } = await node.read(log)
  await pushed(fleet.url, credential, { log, from: 0, lines })
  await pass(15)
  assert.deepEqual(await kinds(log), [])
  await pass(2)
  assert.deepEqual(await kinds(log), ['unanchored'])
  await pushed(fleet.url, credential, { log, from: lines.length, lines: [], checkpoint })
  await pass(1)
  assert.deepEqual(await kinds(log), [])

  // A log that is always a little ahead of its checkpoints, and whose checkpoints come, is no alarm.
  for (let round = 0; round < 4; round++) {
    await node.live(1)
    const before = await node.read(log)
    await node.fasten.emit({ code: 'DOCTOR_PROBE', target: 'x' }).stored
    const now = await node.read(log)
    await pushed(fleet.url, credential, { log, from: 0, lines: before.lines, checkpoint: before.checkpoint })
    await pushed(fleet.url, credential, {
      log,
      from: before.lines.length,
      lines: now.lines.slice(before.lines.length),
    })
    await pass(6)
    assert.deepEqual(await kinds(log), [], `round ${round}`)
  }
  await node.close()
})

test('a fork is raised by ingest and stands until a person takes note; a refusal ends when its row comes right', async () => {
  await alone()
  const [one, other] = [startNode({ source_node_id: 'twin' }), startNode({ source_node_id: 'twin' })]
  await one.live(2)
  await other.live(2)
  const credential = await enrol(fleet, one, {
    source_node_id: 'twin',
    public_keys: [one.publicKey(), other.publicKey()],
  })
  const log = one.logOf('audit')
  const [mine, theirs] = [await one.read(log), await other.read(log)]
  const broken = Buffer.from('{"a":1}')
  await pushed(fleet.url, credential, { log, from: 0, lines: [...mine.lines.slice(0, 1), broken] })
  await watchNodes(deps)
  assert.deepEqual(await kinds(log), ['refusal'])
  await pushed(fleet.url, credential, { ...mine, from: 0 })
  await watchNodes(deps)
  assert.deepEqual(await kinds(log), [])
  await pushed(fleet.url, credential, { ...theirs, from: 0 })
  await pushed(fleet.url, credential, { ...theirs, from: 0 })
  await watchNodes(deps)
  const [fork, ...more] = (await alarms()).filter(({ subject }) => subject === log)
  assert.deepEqual([fork?.kind, more], ['fork', []])
  const shown = (await fleet.ask(admin, `/api/v1/nodes/${fork?.node_id ?? ''}`)).body as ShownNode
  assert.deepEqual([shown.chain, shown.logs.map(({ chain }) => chain)], ['forked', ['forked']])

  const viewer = await fleet.key('viewer')
  const foreign = await fleet.key('admin', ['acme'])
  const acknowledge = (key: string) =>
    fleet.ask(key, `/api/v1/alarms/${fork?.alarm_id ?? 0}/acknowledge`, {
      method: 'POST',
      body: { note: 'a clone' },
    })
  assert.equal((await acknowledge(viewer)).status, 403)
  assert.equal((await acknowledge(foreign)).status, 404)
  const shownTo = (await fleet.ask(foreign, '/api/v1/alarms?state=all')).body as { alarms: readonly Alarm[] }
  assert.ok(shownTo.alarms.some(({ subject }) => subject.startsWith('acme/')))
  assert.doesNotMatch(JSON.stringify(shownTo), /_\/shop|twin/)
  const { body } = await acknowledge(admin)
  assert.partialDeepStrictEqual(body, {
    note: 'a clone',
    acknowledged_by: `api_key:k_${admin.split('_')[1] ?? ''}`,
  })
  assert.ok((body as Alarm).cleared_at)
  assert.deepEqual(await kinds(log), [])
  await one.close()
  await other.close()
})

test('what a channel refuses is told later, over restarts and servers, and given up after three days', async () => {
  await alone()
  await deliverDue(deps)
  receiver.status = 500
  const node = await joined('later')
  await node.status({ spool: { rows: 1, bytes: 99, bytes_max: 100 } })
  await watchNodes(deps)
  const told = receiver.got.length
  const deliveries = async () =>
    (
      await fleet.database.pool.query<{ attempts: number; last_error: string | null; given_up: boolean }>(
        `SELECT d.attempts, d.last_error, d.given_up_at IS NOT NULL AS given_up FROM fleet_alarm_deliveries d JOIN fleet_alarms a USING (alarm_id)
        WHERE a.subject = $1 ORDER BY d.delivery_id`,
        [node.subject],
      )
    ).rows
  assert.equal(await deliverDue(deps), 0)
  assert.equal(await deliverDue(beside), 0)
  assert.deepEqual(await deliveries(), [
    { attempts: 1, last_error: 'the webhook answered 500', given_up: false },
  ])
  for (const pauseS of [5, 10, 20]) {
    micros += (pauseS - 1) * 1_000_000
    await deliverDue(deps)
    micros += 1_000_000
    await Promise.all([deliverDue(deps), deliverDue(beside)])
  }
  assert.equal((await deliveries())[0]?.attempts, 4, 'each pause is twice as long')
  receiver.status = 200
  micros += minutes(1)
  await Promise.all([deliverDue(beside), deliverDue(deps)])
  assert.equal(receiver.got.length, told + 1)

  receiver.status = 500
  await node.status()
  await watchNodes(deps)
  await deliverDue(deps)
  micros += minutes(3 * 24 * 60)
  await deliverDue(deps)
  receiver.status = 200
  micros += minutes(120)
  await deliverDue(deps)
  assert.deepEqual([(await deliveries())[1]?.given_up, receiver.got.length], [true, told + 1])
})

test('a server that dies over a notice leaves it to the others', async () => {
  await alone()
  const node = await joined('dying')
  await node.status({ spool: { rows: 1, bytes: 99, bytes_max: 100 } })
  await watchNodes(deps)
  const dying = { ...deps, channels: [{ name: channel.name, tell: () => new Promise<void>(() => {}) }] }
  void deliverDue(dying)
  const told = receiver.got.length
  for (;;) {
    const { rows } = await fleet.database.pool.query(
      'SELECT FROM fleet_alarm_deliveries WHERE attempts = 1 AND delivered_at IS NULL AND given_up_at IS NULL',
    )
    if (rows.length > 0) break
  }
  assert.equal(await deliverDue(beside), 0, 'it is taken')
  micros += minutes(1)
  assert.equal(await deliverDue(beside), 1)
  assert.equal(receiver.got.length, told + 1)
})
