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
  const command = async (...words: string[]): Promise<string> =>
    (await promisify(execFile)(process.execPath, ['--conditions=fasten-source', main, ...words], { env }))
      .stdout
  const run = (...words: string[]): Promise<string> => command('nodes', ...words)
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
  await fleet.database.pool.query(
    `INSERT INTO fleet_alarms (kind, subject, raised_at, detail) VALUES ('fork', 'acme/shop/pump/audit', now(), '{"message": "two histories"}')`,
  )
  const hold = await command('holds', 'add', '--tenant', 'acme', '--code', 'ORDER_*', '--reason', 'case 7')
  const [status_, alarms, retention, holds, version] = await Promise.all([
    command('status'),
    command('alarms'),
    command('retention'),
    command('holds', 'list'),
    command('--version'),
  ])
  assert.match(
    status_,
    /^status +ready$[^]*^rows +\d+ in \d+ logs of \d tenants[^]*^nodes +1, 0 of them silent$/m,
  )
  assert.match(alarms, /\n1 +fork .* acme\/shop\/pump\/audit +two histories +-\n$/)
  assert.match(retention, /^follows what nodes let go of: nobody\n[^]*nothing was let go yet\n$/)
  assert.match(holds, new RegExp(`\n${hold.trim()} +{"code":"ORDER_\\*","tenant_id":"acme"} +case 7 `))
  assert.match(version, /^\d+\.\d+\.\d+\n$/)
  assert.equal(await command('alarms', 'acknowledge', '1', '--note', 'a copied disk'), '1 is acknowledged\n')
  await command('holds', 'release', hold.trim(), '--reason', 'closed')
  assert.equal(await command('holds', 'list'), 'no holds\n')
  assert.equal(await run('revoke', node_id), `${node_id} is revoked\n`)
  assert.equal(await run(), 'no nodes\n')
  assert.match(await run('--revoked'), /\npump +- +acme +revoked /)
  await assert.rejects(run('enrol', '--expires', '8d'), /up to seven days/)
})
