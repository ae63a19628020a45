// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ask, rowsOf, serve } from '../fixtures/ask.ts'
import { openShop } from '../fixtures/shop.ts'
import { openBeside } from '../../store/sqlite/fixtures/beside.ts'

test('follows a marked row to the store and back, and leaves the logs of others alone', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  const env = { FASTEN_AUDIT_DSN: shop.dsn, FASTEN_SERVICE_ID: 'shop', FASTEN_NODE_ID: 'edge-07' }
  const { exitCode, out } = await ask(['doctor'], { env })
  assert.equal(exitCode, 0, out)
  assert.match(out, /^fasten doctor\n\n {2}✓ runtime {7}fasten /)
  assert.match(
    out,
    /^ {2}✓ emit {10}emitted in .*, durable after .*, stored after .*, read back: _\/fasten-doctor\/[^/]+\/audit#1:[0-9a-f]{8}$/m,
  )
  assert.match(out, /^\d+\/\d+ checks passed/m)
  const probes = rowsOf((await ask(['query', '--json', 'code:DOCTOR_PROBE', '-s', shop.path])).out)
  assert.deepEqual(
    probes.map((row) => [row.service_id, row.monotonic_seq, row.verification]),
    [['fasten-doctor', 1, 'verified']],
  )
  assert.equal((await ask(['verify', shop.path, '--quiet'])).exitCode, 0)
})

test('changes no byte with --read-only', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  await shop.fasten.close()
  const before = fingerprint(shop.folder)
  const { exitCode, out } = await ask(['doctor', '--read-only', '--json', shop.path])
  assert.equal(exitCode, 0, out)
  assert.deepEqual(fingerprint(shop.folder), before)
  const { results, failures } = JSON.parse(out) as {
    results: readonly { name: string; status: string }[]
    failures: number
  }
  assert.equal(failures, 0)
  const unshipped = await ask(['doctor', '--read-only', '--json', shop.path], {
    env: { FASTEN_FLEET_URL: 'http://127.0.0.1:1', FASTEN_FLEET_TOKEN: 'fle_nobody' },
  })
  assert.match(unshipped.out, /"name":"fleet","status":"warn","message":"not known yet what of \d+ rows/)
  const status = Object.fromEntries(results.map((result) => [result.name, result.status]))
  assert.deepEqual(
    [status['emit'], status['fsync'], status['chain'], status['engine']],
    ['skip', 'skip', 'ok', 'ok'],
  )
})

test('fails on damage, on a missing store and on configuration, with a remedy and without secrets', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  await shop.fasten.close()
  const database = openBeside(shop.path)
  database.exec('UPDATE audit_log SET hash = NULL WHERE monotonic_seq = 2')
  database.close()
  const damaged = await ask(['doctor', '--read-only', shop.path])
  assert.equal(damaged.exitCode, 1)
  assert.match(damaged.out, /^ {2}✗ chain {9}\d+ break.*\n {18}→ see fasten verify$/m)
  const missing = await ask(['doctor', join(shop.folder, 'nope.db')])
  assert.equal(missing.exitCode, 1)
  assert.match(missing.out, /✗ store {9}there is no database at /)
  assert.deepEqual(
    readdirSync(shop.folder).filter((name) => name.startsWith('nope')),
    [],
  )
  const misspelt = await ask(['doctor', '--read-only', shop.path], {
    env: { FASTEN_ADIT_DSN: 'x', FASTEN_LOG_LEVEL: 'loud' },
  })
  assert.match(misspelt.out, /✗ env {11}"loud" is not valid/)
  const secret = await ask(['doctor'], {
    env: { FASTEN_AUDIT_DSN: 'postgres://u:hunter2@localhost/db', FASTEN_READER_TOKEN: 'hunter3' },
  })
  assert.equal(secret.exitCode, 1)
  assert.doesNotMatch(secret.out + secret.err, /hunter/)
})

test('tells of trouble that the trail tells of, until it is over', async (t) => {
  const shop = openShop(t)
  const said = async (): Promise<string> => (await ask(['doctor', '--read-only', shop.path])).out
  shop.fasten.emit({ code: 'DEGRADED', target: 'spool', outcome: 'failure' })
  await shop.stored()
  assert.match(await said(), /⚠ trouble {7}DEGRADED of spool in .*\/audit, .* ago\n/)
  shop.fasten.emit({ code: 'RECOVERED', target: 'spool' })
  await shop.stored()
  assert.match(await said(), /✓ trouble {7}the trail tells of none/)
  shop.fasten.emit({ code: 'CLOCK_STEP', target: 'clock', detail: { seconds: -3600 } })
  await shop.stored()
  assert.match(await said(), /⚠ trouble {7}CLOCK_STEP of clock/)
})

test('asks a running service through its reader', async (t) => {
  const shop = openShop(t)
  shop.refund('req-1')
  await shop.stored()
  const url = await serve(t, shop)
  const { exitCode, out } = await ask(['doctor', url], { env: { FASTEN_READER_TOKEN: 'sesame' } })
  assert.equal(exitCode, 0, out)
  assert.match(out, /✓ init {10}service_id=shop node_id=edge-07/)
  assert.match(out, /✓ shims {9}http: newest access .* ago, POST/)
})

function fingerprint(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  )
  return Object.fromEntries(
    names.map((entry) => {
      const path = join(entry.parentPath, entry.name)
      return [path, createHash('sha256').update(readFileSync(path)).digest('hex')]
    }),
  )
}
