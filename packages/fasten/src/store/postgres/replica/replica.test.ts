// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { Client } from 'pg'
import { chain, genesis, type Head } from '../../../core/chain.ts'
import { createMerkleTree } from '../../../core/merkle.ts'
import { verifyLogs } from '../../../reader/local-verify.ts'
import { createSampleDrafts } from '../../../testing/sample-drafts.ts'
import { spooled } from '../../../testing/store-contract.ts'
import { sha256 } from '../../platform.ts'
import { batch, openAt } from '../fixtures/places.ts'
import { startPostgres } from '../fixtures/server.ts'
import { createPlacedRows, createReplica, type PlacedRow } from './index.ts'

const server = await startPostgres()
const url = await server.freshDatabase()
const store = await openAt(url)
const client = new Client({ connectionString: url })
await client.connect()
const replica = createReplica({ schema: 'public', digest: sha256, now: () => '2031-03-01T00:00:00.000000Z' })
after(async () => {
  await client.end()
  await store.close()
  await server.remove()
})

/** Rows that another store has placed in this log, and their leaves. */
function rowsOf(log: string, count: number) {
  const service_id = log.split('/')[1] ?? ''
  // Ids are minted from it.
  const boot_id = Buffer.from(service_id.padEnd(8).slice(0, 8)).toString('hex')
  const samples = createSampleDrafts({ service_id, boot_id })
  const read = createPlacedRows(log, sha256)
  const rows: PlacedRow[] = []
  const leaves: Uint8Array[] = []
  let head: Head = { log, size: 0, head_hash: genesis }
  for (let index = 0; index < count; index++) {
    const chained = chain(spooled(samples.audit()).text, head, sha256)
    const row = read(chained.leaf, { monotonic_seq: index, prev_hash: head.head_hash })
    assert.ok('hash' in row, JSON.stringify(row))
    rows.push(row)
    leaves.push(chained.leaf)
    head = chained.head
  }
  return { rows, leaves }
}

async function transact<T>(work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN')
  try {
    const answer = await work()
    await client.query('COMMIT')
    return answer
  } catch (error) {
    await client.query('ROLLBACK')
    throw error
  }
}

test('rows keep their places, verify, and grow a tree whose earlier ends can be asked for', async () => {
  const log = '_/copied/edge-1/audit'
  const { rows } = rowsOf(log, 9)
  await transact(async () => {
    const held = await replica.hold(client, log)
    held.place(rows.slice(0, 5))
    const tree = await held.treeAt(5)
    const about = {
      size: 5,
      root: tree.root(),
      frontier: tree.frontier(),
      note: 'n',
      signed_at: 't',
      cosignatures: 1,
    }
    await held.put(about)
    assert.equal(await held.finish(), 5)
  })
  await transact(async () => {
    const held = await replica.hold(client, log)
    assert.deepEqual([held.size(), held.head_hash()], [5, rows[4]?.hash])
    assert.throws(() => held.place(rows.slice(6)), TypeError)
    held.place(rows.slice(5))
    for (let size = 0; size <= 9; size++) {
      const tree = createMerkleTree(sha256)
      for (const { hash } of rows.slice(0, size)) tree.append(hash)
      assert.equal((await held.treeAt(size)).root(), tree.root(), `at ${size}`)
    }
    assert.deepEqual(await held.hashes(3, 5), [rows[3]?.hash, rows[4]?.hash])
    await held.finish()
  })
  const place = { log, size: 9, head_hash: rows[8]?.hash, signed_size: 5, isReplica: true }
  assert.deepEqual([...(await replica.places(client, [log, '_/nobody/x/audit'])).values()], [place])
  await client.query('DELETE FROM fasten_checkpoints')
  assert.equal((await verifyLogs([store], { log }, sha256)).verdict, 'PASS')
})

test('what is not committed leaves nothing, not even the log', async () => {
  const log = '_/undone/edge-1/audit'
  const undone = transact(async () => {
    const held = await replica.hold(client, log)
    held.place(rowsOf(log, 3).rows)
    await held.finish()
    throw new Error('cut off')
  })
  await assert.rejects(undone, /cut off/)
  assert.equal((await replica.places(client, [log])).size, 0)
})

test('a log is written here or copied, never both, and sweeps know only those that are written here', async () => {
  const own = '_/gateway/edge-1/audit'
  const log = '_/swept/edge-1/audit'
  await store.append(batch([createSampleDrafts().audit()], 1))
  await transact(async () => {
    const held = await replica.hold(client, log)
    held.place(rowsOf(log, 2).rows)
    await held.finish()
  })
  await assert.rejects(
    transact(() => replica.hold(client, own)),
    { code: 'LOG_NOT_REPLICA', at: own },
  )
  const draft = { ...spooled(createSampleDrafts().audit()), log }
  await assert.rejects(store.append({ spool: '00000000000000aa', position: 2n, drafts: [draft] }), {
    code: 'LOG_IS_REPLICA',
    at: log,
  })
  assert.deepEqual(
    (await store.pruner?.logs())?.map((each) => each.log),
    [own],
  )
  assert.ok((await store.heads()).some((head) => head.log === log))
})

test('a leaf that would not verify at its place is told by what is wrong with it', () => {
  const log = '_/copied/edge-1/audit'
  const { rows, leaves } = rowsOf(log, 2)
  const read = createPlacedRows(log, sha256)
  const place = { monotonic_seq: 1, prev_hash: rows[0]?.hash ?? '' }
  const text = Buffer.from(leaves[1] ?? []).toString()
  const codeOf = (leaf: string): string => {
    const row = read(Buffer.from(leaf, 'latin1'), place)
    return 'code' in row ? row.code : 'taken'
  }
  assert.deepEqual(
    [
      codeOf(text),
      codeOf(text.replace(',', ', ')),
      codeOf(text.replace('"monotonic_seq":1', '"monotonic_seq":2')),
      codeOf(text.replace('"canonical_form_id":"3"', '"canonical_form_id":"2"')),
      codeOf(text.replace(place.prev_hash, '0'.repeat(64))),
      codeOf(text.replace('edge-1', 'edge-2')),
      codeOf(text.replace(/"id":"[^"]*"/, `"id":"${'x'.repeat(600)}"`)),
      codeOf(`${text.slice(0, -1)},"zz":"${'z'.repeat(66_000)}"}`),
      codeOf('\xff'),
    ],
    [
      'taken',
      'ROW_MALFORMED',
      'PLACE_MISMATCH',
      'FORM_UNKNOWN',
      'LINK_MISMATCH',
      'PLACE_MISMATCH',
      'ROW_MALFORMED',
      'ROW_TOO_LARGE',
      'ROW_MALFORMED',
    ],
  )
})
