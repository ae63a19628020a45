// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { readJson } from 'fasten/core'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { enrol, verified } from './fixtures/pushing.ts'
import { startNode } from './fixtures/real-node.ts'

const server = await startPostgres()
const fleet = await startFleet({ databaseUrl: await server.freshDatabase() })
after(async () => {
  await fleet.close()
  await server.remove()
})

test('a service with two variables set is at the fleet, row for row, proven, and cosigned on both sides', async () => {
  const first = startNode()
  const credential = await enrol(fleet, first)
  await first.live(20, { streams: ['audit', 'sys'] })
  await first.fasten.close()
  // The rows of a life before there was a fleet are shipped as well.
  const node = startNode({
    folder: first.folder,
    settings: { fleet_url: fleet.url, fleet_token: credential },
  })
  await node.live(5, { streams: ['audit', 'sys'] })
  await node.fasten.close()
  const { fleet: shipping } = node.fasten.stats()
  assert.deepEqual([shipping?.unshipped, shipping?.refused_logs, shipping?.last_error], [0, 0, null])

  for (const stream of ['audit', 'sys'] as const) {
    const log = await node.read(node.logOf(stream))
    const { rows } = await fleet.database.pool.query<{ leaf: string }>(
      `SELECT leaf FROM ${stream}_log JOIN fasten_logs USING (log_id) WHERE log = $1 ORDER BY monotonic_seq`,
      [log.log],
    )
    assert.deepEqual(
      rows.map(({ leaf }) => leaf),
      log.lines.map((line) => Buffer.from(line).toString()),
    )
    const verdict = await verified(fleet, log.log, node.publicKey())
    assert.deepEqual([verdict.verdict, verdict.anchored_to?.size], ['PASS', log.lines.length])
    // The node's own note has its signature and, behind it, that of the fleet.
    assert.equal(log.checkpoint.split('\n').filter((line) => line.startsWith('\u2014')).length, 2)
  }
  await first.close()
})

test('rows are taken and read whatever names their writers choose, on engines too that mistake one for another', async () => {
  const names = [
    { a: 1, 'b\\': 'first' },
    { a: 1, 'b\n': 'second' },
  ] as const
  const node = startNode({ source_node_id: 'n2' })
  const credential = await enrol(fleet, node, { source_node_id: 'n2' })
  const shipping = startNode({
    folder: node.folder,
    source_node_id: 'n2',
    settings: { fleet_url: fleet.url, fleet_token: credential },
  })
  for (const detail of names) shipping.fasten.emit({ code: 'DOCTOR_PROBE', target: 'hostile/1', detail })
  await shipping.live(1)
  await shipping.fasten.close()
  const { fleet: told } = shipping.fasten.stats()
  assert.deepEqual([told?.unshipped, told?.refused_logs, told?.last_error], [0, 0, null])

  const { log } = await node.read(node.logOf('audit'))
  assert.equal((await verified(fleet, log, node.publicKey())).verdict, 'PASS')
  const response = await fetch(`${fleet.url}/api/v1/audit?target=hostile/1&order=oldest`, {
    headers: { authorization: `Bearer ${await fleet.key('auditor')}` },
  })
  const { rows } = readJson(await response.text()) as { rows: readonly { detail: unknown }[] }
  assert.deepEqual(
    rows.map(({ detail }) => detail),
    names,
  )
  await node.close()
})
