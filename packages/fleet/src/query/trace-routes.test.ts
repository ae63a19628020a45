// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import {
  createMerkleTree,
  decodeTile,
  leafHash,
  parseCheckpoint,
  parseNote,
  parseTlogProof,
} from 'fasten/core'
import type { Waterfall } from 'fasten/reader'
import { sha256 } from 'fasten/store'
import { openTestFleet, type Who } from './fixtures/fleet-of-tenants.ts'

const meta = { category: 'test', action: 'test.do', severity: 'info', description: 'A test.' } as const
const fleet = await openTestFleet()
after(() => fleet.remove())
const auditor: Who = { name: 'ann', role: 'auditor', tenants: ['acme'] }
const viewer: Who = { name: 'vic', role: 'viewer', tenants: ['acme'] }
const foreign: Who = { name: 'eve', role: 'auditor', tenants: ['umbrella'] }

let causeId = ''
await fleet.write({ tenant: 'acme', service: 'gate', node: 'edge' }, async (node) => {
  node.register('test', { ORDER_PLACED: meta })
  const receipt = node.emit({
    code: 'ORDER_PLACED',
    target: 'order:7',
    target_kind: 'order',
    actor: 'user:ada',
    request_id: '3a7b1c',
  })
  causeId = receipt.id
})
await fleet.write({ tenant: 'acme', service: 'billing', node: 'core' }, (node) => {
  node.register('test', { ORDER_BILLED: meta })
  node.emit({
    code: 'ORDER_BILLED',
    target: '7',
    target_kind: 'order',
    actor: 'ada',
    actor_kind: 'user',
    request_id: 'scheduler-billing-0123456789ab',
    caused_by: causeId,
  })
  for (let index = 0; index < 30; index++)
    node.emit({
      code: 'ORDER_BILLED',
      target: `t${index}`,
      actor: 'user:bob',
      on_behalf_of: 'user:ada',
      request_id: 'r-9',
    })
})

test('a trace goes over nodes, follows what was caused, and stands in order of depth', async () => {
  const { status, body } = await fleet.get('/api/v1/traces/3a7b1c', viewer)
  assert.equal(status, 200)
  const trace = body as Waterfall & { followed: string[] }
  assert.deepEqual(
    trace.entries.map(({ title, node, service, stream, depth, parent_id }) => [
      title,
      node,
      service,
      stream,
      depth,
      parent_id === causeId,
    ]),
    [
      ['ORDER_PLACED', 'edge', 'gate', 'audit', 0, false],
      ['ORDER_BILLED', 'core', 'billing', 'audit', 1, true],
    ],
  )
  assert.deepEqual(trace.followed, ['scheduler-billing-0123456789ab'])
  assert.equal(trace.clocks_are, 'put_right')
  assert.equal(
    (await fleet.get(`/api/v1/traces/${causeId}`, viewer)).status,
    200,
    'a row leads to its request',
  )
  assert.equal((await fleet.get('/api/v1/traces/3a7b1c', foreign)).status, 404)
})

test('a timeline joins what somebody did, what was done for them and to them, page by page', async () => {
  const titles: string[] = []
  let cursor: string | null = ''
  let pages = 0
  while (cursor !== null) {
    const path: string = `/api/v1/entities/user/ada/timeline?limit=7${cursor === '' ? '' : `&cursor=${cursor}`}`
    const { body } = await fleet.get(path, viewer)
    const page = body as {
      rows: { as: string[]; row: { code: string; target: string } }[]
      next_cursor: string | null
    }
    titles.push(...page.rows.map(({ as, row }) => `${as.join()} ${row.code} ${row.target}`))
    cursor = page.next_cursor
    pages++
  }
  assert.equal(pages, 5)
  assert.equal(new Set(titles).size, 32)
  assert.deepEqual(titles.slice(-2), ['actor ORDER_BILLED 7', 'actor ORDER_PLACED order:7'])
  const order = (await fleet.get('/api/v1/entities/order/7/timeline', viewer)).body as { rows: unknown[] }
  assert.equal(order.rows.length, 2, 'both spellings of one thing')
  const others = (await fleet.get('/api/v1/entities/user/ada/timeline', foreign)).body as { rows: unknown[] }
  assert.deepEqual(others.rows, [])
  assert.equal((await fleet.get('/api/v1/entities/user/ada/timeline?cursor=%7B', viewer)).status, 400)
})

test('tenants are those that may be seen', async () => {
  const { body } = await fleet.get('/api/v1/tenants', auditor)
  const { tenants } = body as { tenants: { tenant: string; logs: number; nodes: number; rows: number }[] }
  assert.deepEqual(
    tenants.map(({ tenant, nodes }) => [tenant, nodes]),
    [['acme', 2]],
  )
})

test('a log is served as tiles, and a row is proven to be in it', async () => {
  const log = '/api/v1/logs/acme/billing/core/audit'
  const checkpoint = await fleet.get(`${log}/checkpoint`, viewer)
  assert.equal(checkpoint.status, 200)
  const { origin, size, root } = parseCheckpoint(parseNote(checkpoint.text).text)
  assert.equal(origin, 'acme/billing/core/audit')
  const tile = await fetch(`${fleet.url}${log}/tile/0/000.p/${size}`, {
    headers: { authorization: `Bearer ${fleet.as(auditor)}` },
  })
  const hashes = decodeTile(new Uint8Array(await tile.arrayBuffer()), size)
  const tree = createMerkleTree(sha256)
  hashes.forEach(tree.append)
  assert.equal(tree.root(), root)
  const proof = parseTlogProof((await fleet.get(`${log}/proof?index=3`, auditor)).text)
  assert.deepEqual(
    [leafHash(proof.extra ?? new Uint8Array(), sha256), proof.checkpoint],
    [hashes[3], checkpoint.text],
  )
  const status = async (path: string, who: Who) => (await fleet.get(`${log}${path}`, who)).status
  assert.equal(await status(`/tile/0/000.p/${size + 1}`, auditor), 404)
  assert.equal(await status(`/tile/entries/000.p/${size}`, auditor), 200)
  assert.equal(await status(`/tile/0/000.p/${size}`, viewer), 403)
  assert.equal(await status('/checkpoint', foreign), 404)
  assert.equal(await status('/checkpoint', { ...auditor, codes: ['*'] }), 403)
  const once = `/api/v1/logs/${encodeURIComponent('acme/billing/core/audit')}/checkpoint`
  assert.equal((await fleet.get(once, viewer)).status, 200)
})
