// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { createSystemClock } from 'fasten/store'
import { enrol } from '../ingest/fixtures/pushing.ts'
import { startWebhookReceiver } from '../nodes/alarms/fixtures/webhook-receiver.ts'
import {
  assertCounted,
  assertEqual,
  openServerPair,
  until,
  type ServerNumber,
} from './fixtures/server-pair.ts'

const clock = createSystemClock()
const receiver = await startWebhookReceiver('a secret of the webhook', () => clock.nowMicros() / 1000)
const pair = await openServerPair({
  everyMs: 100,
  env: {
    FLEET_ALARM_SILENT_S: '60',
    FLEET_ALARM_WEBHOOK_URL: receiver.url,
    FLEET_ALARM_WEBHOOK_SECRET: 'a secret of the webhook',
  },
})
after(async () => {
  await pair.close()
  await receiver.close()
})

/** What happens to one of the two servers, and whether it has to be started again. */
const faults = ['commit', 'answer', 'database', 'kill', 'end', 'withheld'] as const
type Fault = (typeof faults)[number]

test('two servers that are killed, cut off and ended in turn for minutes store every row once, and their work goes on', async (t) => {
  await Promise.all([pair.start(1), pair.start(2)])
  const nodes = await Promise.all(['n1', 'n2', 'n3', 'n4', 'n5'].map((name) => pair.addNode(name)))
  // Two that never say a word: an alarm for each, once, whoever raises it.
  const silent = await Promise.all(
    ['s1', 's2'].map(async (name) => {
      const credential = await enrol(pair, { publicKey: () => '1'.repeat(64) }, { source_node_id: name })
      return `node:${credential.split('_')[1]}`
    }),
  )
  const moved = async (): Promise<void> => {
    const before = nodes.map((node) => node.told())
    await until('rows of every node', () => nodes.every((node, index) => node.told() > (before[index] ?? 0)))
  }
  await moved()
  const rounds = 12
  for (let round = 0; round < rounds; round++) {
    const fault = faults[round % faults.length] ?? 'kill'
    const server: ServerNumber = round % 4 < 2 ? 1 : 2
    const lasted = await strike(fault, server)
    t.diagnostic(`round ${round}: ${fault} of s${server}, every node went on after ${lasted} ms`)
  }
  await until('the alarms of the silent nodes', async () => (await standing()).length === silent.length)
  await pause(4_000)
  await Promise.all(nodes.map((node) => node.end()))
  const rows = await assertEqual(pair, nodes)
  await assertCounted(pair)
  t.diagnostic(`${rows} rows of ${nodes.length} nodes, ${rounds} faults`)

  assert.deepEqual(await standing(), [...silent].sort())
  const { rows: told } = await pair.database.pool.query<{ subject: string }>(
    `SELECT leaf::jsonb->'detail'->>'subject' AS subject FROM audit_log WHERE code = 'ALARM_RAISED' ORDER BY 1`,
  )
  assert.deepEqual(
    told.map(({ subject }) => subject),
    [...silent].sort(),
  )
  const raised = receiver.got.filter(({ notice_id }) => notice_id.includes('-raised-'))
  assert.equal(new Set(raised.map(({ notice_id }) => notice_id)).size, silent.length)
  t.diagnostic(`${raised.length} notices of ${silent.length} alarms`)

  async function standing(): Promise<readonly string[]> {
    const found = await pair.database.pool.query<{ subject: string }>(
      "SELECT subject FROM fleet_alarms WHERE kind = 'silent' ORDER BY subject",
    )
    return found.rows.map(({ subject }) => subject)
  }

  /** How long it took until every node had rows at the fleet again, ms. */
  async function strike(fault: Fault, server: ServerNumber): Promise<number> {
    const other: ServerNumber = server === 1 ? 2 : 1
    const gate = pair.databaseGate(server)
    const aim = async (): Promise<void> => {
      pair.withdraw(other)
      pair.balancer.cut()
      await moved()
    }
    const committedUntold = async (): Promise<void> => {
      const before = await pair.committed()
      await until('a commit nobody is told of', async () => (await pair.committed()) > before)
    }
    let from = performance.now()
    switch (fault) {
      case 'commit':
        await aim()
        gate.holdAfter('COMMIT')
        await committedUntold()
        from = performance.now()
        await pair.kill(server)
        gate.holdAfter(undefined)
        break
      case 'answer':
        await aim()
        pair.balancer.holdAfter('POST /ingest/v1/rows')
        await committedUntold()
        from = performance.now()
        await pair.kill(server)
        pair.balancer.holdAfter(undefined)
        break
      case 'database':
        gate.cut()
        break
      case 'withheld':
        // The server stays, and its database says nothing more on any connection until it is cut off.
        gate.holdAfter('')
        await pause(2_000)
        gate.cut()
        gate.holdAfter(undefined)
        break
      case 'kill':
        await pair.kill(server)
        break
      case 'end':
        await pair.end(server)
        break
    }
    pair.admit(other)
    await moved()
    const lasted = Math.round(performance.now() - from)
    if (fault !== 'database' && fault !== 'withheld') await pair.start(server)
    await moved()
    return lasted
  }
})
