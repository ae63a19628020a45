// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { startPostgres } from '../../../fasten/src/store/postgres/fixtures/server.ts'
import { startFleet } from '../testing/fixtures/start-fleet.ts'

test('fleet nodes lets nodes in and out, and shows how they stand', async (t) => {
  const postgres = await startPostgres()
  const fleet = await startFleet({ databaseUrl: await postgres.freshDatabase() })
  t.after(async () => {
    await fleet.close()
    await postgres.remove()
  })
  const env = { ...process.env, FLEET_URL: fleet.url, FLEET_TOKEN: await fleet.key('admin') }
  const main = join(import.meta.dirname, 'main.ts')
  const run = async (...words: string[]): Promise<string> =>
    (
      await promisify(execFile)(process.execPath, ['--conditions=fasten-source', main, 'nodes', ...words], {
        env,
      })
    ).stdout
  const printed = await run('enrol', '--tenant', 'acme', '--uses', '2', '--expires', '15m')
  const [, url, token] = /^FASTEN_FLEET_URL=(.*)\nFASTEN_FLEET_TOKEN=(fle_.*)\n$/.exec(printed) ?? []
  assert.equal(url, fleet.url)
  const { status, body } = await fleet.ask(undefined, '/ingest/v1/enrol', {
    method: 'POST',
    body: { token, source_node_id: 'pump', software: 'fasten/1', public_keys: ['1'.repeat(64)] },
  })
  assert.equal(status, 201)
  const { node_id } = body as { node_id: string }
  assert.match(await run(), new RegExp(`\\npump +- +acme +empty .*fasten/1 +- +${node_id}\\n$`))
  assert.equal(await run('revoke', node_id), `${node_id} is revoked\n`)
  assert.equal(await run(), 'no nodes\n')
  assert.match(await run('--revoked'), /\npump +- +acme +revoked /)
  await assert.rejects(run('enrol', '--expires', '8d'), /up to seven days/)
})
