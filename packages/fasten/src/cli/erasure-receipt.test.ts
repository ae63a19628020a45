// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { startPostgres } from '../store/postgres/fixtures/server.ts'
import type { ErasureReceipt } from '../store/privacy/erase-subject.ts'
import { exitCodes } from './exit-codes.ts'
import { ask } from './fixtures/ask.ts'
import { emitRows, newShop, openShop, type Shop } from './fixtures/gift-shop.ts'

/** A receipt says what is so: not "deleted from the files" where the server skipped a table, or kept what somebody can still see. */

const server = await startPostgres()
const sweeper = `fasten_eraser_${randomBytes(4).toString('hex')}`
await server.query(`CREATE ROLE ${sweeper} LOGIN PASSWORD 'pw'`)
after(async () => {
  await server.dropDatabases()
  await server.query(`DROP ROLE ${sweeper}`)
  await server.remove()
})

/** With a table for audit rows, and none for the other streams. */
async function newTrail(): Promise<{ readonly shop: Shop; readonly url: string }> {
  const url = await server.freshDatabase()
  const shop = newShop(url)
  const fasten = openShop(shop)
  emitRows(fasten, 4)
  assert.equal(await fasten.flush(60_000), true)
  await fasten.close()
  return { shop, url }
}

async function erased(shop: Shop, env = shop.env): Promise<ErasureReceipt & { readonly exitCode: number }> {
  const { out, err, exitCode } = await ask(['erase', 'user:bob', '--basis', 'Art. 17', '--yes', '--json'], {
    env,
  })
  assert.deepEqual([out !== '', err], [true, ''])
  return { ...(JSON.parse(out) as ErasureReceipt), exitCode }
}

const [version] = await server.query("SELECT current_setting('server_version_num')::int >= 170000 AS is_new")
const isNew = version?.['is_new'] === true
const sampledBoxes = "SELECT attname FROM pg_stats WHERE attname IN ('box', 'lookup', 'wrapped', 'frame')"

test("the server's ANALYZE samples nothing that an erasure destroys", async () => {
  const { url } = await newTrail()
  await server.query('ANALYZE', [], url)
  assert.deepEqual(await server.query(sampledBoxes, [], url), [])
  const others = await server.query(
    "SELECT attname FROM pg_stats WHERE tablename = 'fasten_disclosures'",
    [],
    url,
  )
  assert.ok(others.length > 0)
})

test('a role that may not write tables anew erases, and its receipt sends for their owner', async () => {
  const { shop, url } = await newTrail()
  const { exitCode } = await ask(['postgres', 'grants', url, '--sweeper', sweeper, '--apply'])
  assert.equal(exitCode, 0)
  const own = new URL(url)
  own.username = sweeper
  own.password = 'pw'
  // As before version 17 of the server, which has no such right.
  if (isNew)
    await server.query(
      `REVOKE MAINTAIN ON fasten_disclosures, fasten_data_keys, fasten_outbox FROM ${sweeper}`,
      [],
      url,
    )
  await server.query('ALTER TABLE fasten_data_keys ALTER COLUMN wrapped SET STATISTICS -1', [], url)
  await server.query('ANALYZE fasten_data_keys', [], url)
  const receipt = await erased(shop, { ...shop.env, FASTEN_AUDIT_DSN: own.href })
  assert.deepEqual(
    [receipt.is_complete, receipt.exitCode, receipt.values > 0],
    [false, exitCodes.findings, true],
  )
  const said = receipt.remaining.join('\n')
  assert.match(said, /may not write fasten_disclosures, fasten_data_keys, fasten_outbox anew/)
  assert.match(said, /samples of fasten_data_keys\.wrapped/)
  assert.match(said, /VACUUM FULL pg_statistic/)
  assert.doesNotMatch(receipt.done.join('\n'), /files of the tables/)
  const owners = await erased(shop)
  assert.deepEqual([owners.is_complete, owners.exitCode], [true, 0], owners.remaining.join('\n'))
  assert.doesNotMatch(owners.remaining.join('\n'), /pg_statistic|anew/)
  assert.match(owners.done.join('\n'), /files of the tables/)
  assert.deepEqual(await server.query(sampledBoxes, [], url), [])
})

test(
  'the role that is granted for it erases alone, on a server that knows the right',
  { skip: !isNew && 'needs Postgres 17' },
  async () => {
    const { shop, url } = await newTrail()
    assert.equal((await ask(['postgres', 'grants', url, '--sweeper', sweeper, '--apply'])).exitCode, 0)
    const own = new URL(url)
    own.username = sweeper
    own.password = 'pw'
    const receipt = await erased(shop, { ...shop.env, FASTEN_AUDIT_DSN: own.href })
    assert.deepEqual([receipt.is_complete, receipt.exitCode], [true, 0], receipt.remaining.join('\n'))
    assert.match(receipt.remaining.join('\n'), /VACUUM FULL pg_statistic/)
  },
)

test('a transaction that still sees what was erased is named; once it has ended, it is gone', async () => {
  const { shop, url } = await newTrail()
  const client = new Client(url)
  await client.connect()
  try {
    await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ')
    const { rows } = await client.query('SELECT pg_backend_pid() AS pid, count(*) FROM audit_log')
    const receipt = await erased(shop)
    assert.equal(receipt.is_complete, false)
    assert.ok(receipt.remaining.some((one) => one.includes(`server processes ${rows[0]?.['pid']})`)))
  } finally {
    await client.end()
  }
  assert.equal((await erased(shop)).is_complete, true)
})
