// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { ShownNode } from '../nodes/list/shown-node.ts'
import { openTestFleet, type Who } from '../query/fixtures/fleet-of-tenants.ts'
import { nodeLines } from './nodes-command.ts'

const meta = { category: 'test', action: 'test.do', severity: 'info', description: 'A test.' } as const
const fleet = await openTestFleet()
after(() => fleet.remove())
for (const node of ['edge-1', 'edge-2'])
  await fleet.write({ tenant: 'acme', node }, (writer) => {
    writer.register('test', { ORDER_PLACED: meta })
    writer.emit({ code: 'ORDER_PLACED', target: `order of ${node}`, actor: 'user:ada', request_id: '3a7b1c' })
  })
const auditor: Who = { name: 'ann', role: 'auditor', tenants: ['acme'] }

interface Said {
  readonly code: number
  readonly out: string
  readonly err: string
}

function run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Said> {
  const main = join(import.meta.dirname, 'main.ts')
  const given = { FLEET_URL: fleet.url, FLEET_TOKEN: fleet.as(auditor), ...env }
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      ['--conditions=fasten-source', main, ...words],
      { env: { PATH: process.env['PATH'], ...given } },
      (error, out, err) => resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

test('one request id finds its rows on every node, a line each', async () => {
  const { code, out, err } = await run(['query', '--req', '3a7b1c', '--stream', 'all', '--order', 'oldest'])
  assert.equal(code, 0, err)
  const lines = out.trim().split('\n')
  assert.equal(lines.length, 2)
  for (const [index, node] of ['edge-1', 'edge-2'].entries())
    assert.ok(lines[index]?.includes(`order of ${node}`) && lines[index].includes('ORDER_PLACED'), out)
})

test('verify, trace, tenants and sql answer from the same fleet', async () => {
  const [verified, traced, tenants, asked] = await Promise.all([
    run(['verify', '--log', 'acme/shop/edge-1/audit']),
    run(['trace', '3a7b1c']),
    run(['tenants']),
    run(['sql', "SELECT node, count(*) AS n FROM audit WHERE code = 'ORDER_PLACED' GROUP BY 1 ORDER BY 1"]),
  ])
  assert.equal(verified.code, 0, verified.err)
  assert.match(verified.out, /PASS/)
  assert.match(traced.out, /edge-1\/shop +audit +ORDER_PLACED\n.*edge-2\/shop +audit +ORDER_PLACED\n$/s)
  assert.match(tenants.out, /^tenant +logs[^\n]*\nacme +2 /)
  assert.equal(asked.out, 'node    n\nedge-1  1\nedge-2  1\n')
})

test('without an address or a key it says which variable is missing; what the fleet refuses is told in its words', async () => {
  const [address, key, refused] = await Promise.all([
    run(['query', 'x'], { FLEET_URL: '' }),
    run(['tail'], { FLEET_TOKEN: '' }),
    run(['sql', 'DELETE FROM audit']),
  ])
  assert.deepEqual([address.code, key.code, refused.code], [2, 2, 2])
  assert.match(address.err, /FLEET_URL/)
  assert.match(key.err, /FLEET_TOKEN/)
  assert.match(refused.err, /SQL_REFUSED.*begin with SELECT/)
})

test('nodes stand in one line each', () => {
  const node: ShownNode = {
    node_id: 'n_1',
    source_node_id: 'edge-1',
    service_id: 'shop',
    tenants: ['acme'],
    software: 'fasten/0.1.0',
    enrolled_at: '2026-11-26T00:00:00.000Z',
    revoked_at: null,
    last_seen_at: '2026-11-26T10:00:00.000Z',
    silent_after_s: 120,
    needs_certificate: false,
    clock: { offset_ms: -3, bound_ms: 20, said_at: '2026-11-26T10:00:00.000Z' },
    spool: { rows: 7, bytes: 700, bytes_max: null },
    lag: { rows: 5, seconds: 2.4 },
    chain: 'pass',
    alarms: [],
    logs: [],
  }
  assert.deepEqual(nodeLines([node]), [
    'node    service  tenants  chain  seen                      behind       clock      waiting  software      alarms  id',
    'edge-1  shop     acme     pass   2026-11-26T10:00:00.000Z  5 rows, 2 s  7 ± 10 ms  7 rows   fasten/0.1.0  -       n_1',
  ])
})
