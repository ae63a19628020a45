// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { bench } from '../capture/fixtures/instance.ts'
import { startHonestFleet } from '../store/ship/fixtures/honest-fleet.ts'
import { ask } from './fixtures/ask.ts'

test('a store and its keys that were put back part from the fleet; once an operator gave the log up, its next generation is shipped', async (t) => {
  const fleet = await startHonestFleet()
  t.after(() => fleet.close())
  const { start, dsn, folder } = bench(t)
  const token = fleet.token()
  const where = { audit_dsn: dsn, key_dir: join(folder, 'keys'), spool_dir: join(folder, 'spool') }
  const env = {
    FASTEN_AUDIT_DSN: dsn,
    FASTEN_KEY_DIR: where.key_dir,
    FASTEN_FLEET_URL: fleet.url,
    FASTEN_FLEET_TOKEN: token,
  }
  const live = async (rows: number): Promise<string> => {
    const fasten = start({ ...where, drain_thread: false, fleet_url: fleet.url, fleet_token: token })
    for (let row = 0; row < rows; row++) fasten.emit({ code: 'USER_CREATED', target: `user:${row}` })
    await fasten.close()
    return fasten.stats().fleet?.last_error ?? ''
  }
  const log = '_/shop/node-1/audit'
  const backup = join(folder, '..', `${folder.split('/').at(-1)}-backup`)
  t.after(() => rmSync(backup, { recursive: true, force: true }))
  assert.equal(await live(3), '')
  cpSync(folder, backup, { recursive: true })
  assert.equal(await live(4), '')
  assert.equal(fleet.logs.get(log)?.hashes.length, 8)
  // The whole machine goes back, what it remembered of what it signed as well.
  rmSync(folder, { recursive: true })
  cpSync(backup, folder, { recursive: true })
  assert.match(await live(2), /FORK_DETECTED/)

  const listed = await ask(['fleet', 'resume'], { env })
  assert.deepEqual([listed.exitCode, listed.out], [1, `${log}  6 rows here, 8 at the fleet\n`], listed.err)
  const doctor = await ask(['doctor', '--read-only', '--json'], { env })
  assert.match(doctor.out, /"name":"fleet","status":"fail"/)
  const wrong = await ask(['fleet', 'resume', 'nothing'], { env })
  assert.equal(wrong.exitCode, 2)
  const given = await ask(['fleet', 'resume', log], { env })
  assert.equal(given.exitCode, 0, given.err)

  await live(2)
  const next = fleet.logs.get(`${log}~2`)
  const [first = ''] = next?.lines ?? []
  const { detail } = JSON.parse(first) as { readonly detail: { readonly previous_log?: unknown } }
  const head_hash = fleet.logs.get(log)?.hashes.at(-1)
  assert.deepEqual(detail.previous_log, { head_hash, log, reason: 'rolled_back', size: 8 })
  assert.deepEqual([next?.lines.length, next?.signed_size], [3, 3])
  assert.equal(fleet.logs.get(log)?.hashes.length, 8)
})
