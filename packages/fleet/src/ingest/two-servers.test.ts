// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'
import { enrol, push, verified } from './fixtures/pushing.ts'
import { bodyOf, startNode } from './fixtures/real-node.ts'

const server = await startPostgres()
const databaseUrl = await server.freshDatabase()
const env = { FLEET_SECRET: '5'.repeat(64) }
const fleets = [
  await startFleet({ databaseUrl, env }),
  await startFleet({ databaseUrl, env: { ...env, FLEET_SERVER_ID: 's2' } }),
] as const
const node = startNode()
after(async () => {
  await node.close()
  for (const fleet of fleets) await fleet.close()
  await server.remove()
})

test('two servers on one database that are sent one log at once lose no row and make no fork', async () => {
  const tenants = ['r1', 'r2']
  for (let life = 0; life < 3; life++) await node.live(20, { tenants })
  const credential = await enrol(fleets[0], node)
  const logs = await Promise.all(tenants.map((tenant) => node.read(node.logOf('audit', tenant))))
  // Each sender knows nothing of the others: it asks for the place, sends a stretch from there, and does so until all is there.
  const send = async (
    { url }: (typeof fleets)[number],
    log: (typeof logs)[number],
    rows: number,
  ): Promise<void> => {
    for (let size = 0; size < log.lines.length;) {
      const to = Math.min(size + rows, log.lines.length)
      const checkpoint = [...log.checkpoints]
        .filter(([at]) => at <= to)
        .sort(([one], [other]) => other - one)[0]?.[1]
      const body = bodyOf({ log: log.log, from: size, lines: log.lines.slice(size, to), checkpoint })
      const answer = await push(url, credential, body)
      if (answer.status !== 200) {
        assert.ok([429, 503].includes(answer.status), JSON.stringify(answer.body))
        await new Promise((resolve) => setTimeout(resolve, 50))
        continue
      }
      const [result] = answer.body.results
      assert.equal(result?.refused, undefined, JSON.stringify(result))
      assert.ok((result?.size ?? 0) >= to, 'what was answered is less than what was sent')
      size = result?.size ?? 0
    }
  }
  await Promise.all(
    logs.flatMap((log, index) => fleets.map((fleet, at) => send(fleet, log, 7 + 4 * at + index))),
  )
  for (const log of logs) {
    const verdict = await verified(fleets[1], log.log, node.publicKey())
    assert.deepEqual(
      [verdict.verdict, verdict.to_index, verdict.anchored_to?.size],
      ['PASS', log.lines.length, log.lines.length],
    )
  }
  const { rows } = await fleets[0].database.pool.query<{ evidence: string; twice: string; told: string }>(
    `SELECT (SELECT count(*) FROM fleet_evidence) AS evidence,
      (SELECT count(*) FROM (SELECT FROM audit_log GROUP BY position HAVING count(*) > 1) t) AS twice,
      (SELECT count(*) FROM (SELECT FROM fasten_checkpoints GROUP BY log, size HAVING count(*) > 1) t) AS told`,
  )
  assert.deepEqual(rows[0], { evidence: '0', twice: '0', told: '0' })
})
