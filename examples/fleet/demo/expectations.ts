// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { openForReading } from 'fasten/store'
import type { Expectation } from '../../stage/expectation.ts'
import { fleetCommand } from './fleet-command.ts'
import type { Orders } from './orders.ts'
import { nodes, type Scene, type Service } from './scene.ts'

/** What must hold while everything runs. */
export function liveExpectations(scene: Scene, { delivered, refused, meanwhile }: Orders): Expectation[] {
  const rowsOf = async (id: string, env = scene.operator): Promise<readonly FleetRow[]> => {
    const { exitCode, stdout } = await fleetCommand(env, 'query', '--req', id, '--stream', 'all', '--json')
    assert.equal(exitCode, 0)
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as FleetRow)
  }
  return [
    {
      text: 'one id is found on three nodes and in three streams',
      async check() {
        const rows = await rowsOf(delivered)
        assert.deepEqual(new Set(rows.map((row) => row.source_node_id)), new Set(Object.values(nodes)))
        assert.deepEqual(new Set(rows.map((row) => row.stream)), new Set(['audit', 'sys', 'api']))
      },
    },
    {
      text: 'the order that failed says where and why',
      async check() {
        const rows = await rowsOf(refused)
        const [refusal] = rows.filter(({ code }) => code === 'PAYMENT_REFUSED')
        assert.equal(refusal?.source_node_id, nodes.payments)
        assert.ok(!rows.some((row) => row.source_node_id === nodes.warehouse))
      },
    },
    {
      text: 'what happened while the fleet was dead arrived when it came back, all of it, once',
      async check() {
        for (const id of meanwhile) {
          const { rows } = await ask<{ rows: readonly FleetRow[] }>(scene, `/api/v1/thread?request_id=${id}`)
          const codes = rows.flatMap(({ code }) => code ?? [])
          assert.deepEqual(codes.toSorted(), ['ORDER_PLACED', 'PARCEL_PACKED', 'PAYMENT_TAKEN'])
        }
      },
    },
    {
      text: 'the fleet has every log of every node as long as the node has it, with the same last hash',
      async check() {
        const local = (
          await Promise.all(Object.keys(nodes).map((name) => logsOf(scene, name as Service)))
        ).flat()
        const inFleet = new Map((await ask<Logs>(scene, '/api/v1/logs')).logs.map((head) => [head.log, head]))
        assert.ok(local.length >= 9, `${local.length} logs`)
        for (const head of local) assert.deepEqual(placeOf(inFleet.get(head.log)), placeOf(head), head.log)
      },
    },
    {
      text: 'fleet verify recomputes all of it and says PASS',
      async check() {
        const { exitCode, stdout } = await fleetCommand(scene.operator, 'verify')
        assert.equal(exitCode, 0, stdout)
        assert.match(stdout, /PASS/)
      },
    },
    {
      text: 'a key of another tenant sees none of it',
      async check() {
        const made = ['keys', 'create', 'stranger', '--permission', 'audit:read', '--tenant', 'other']
        const { stdout: key } = await fleetCommand(scene.operator, ...made)
        assert.deepEqual(await rowsOf(delivered, { ...scene.operator, FLEET_TOKEN: key.trim() }), [])
      },
    },
    {
      text: 'who asked is in the rows, too',
      async check() {
        const { rows } = await ask<{ rows: readonly FleetRow[] }>(scene, '/api/v1/audit?code=ROWS_READ')
        assert.ok(rows.some(({ actor }) => actor?.startsWith('api_key:') === true))
      },
    },
  ]
}

/** What must hold once everything was asked to end: it did, and nobody was killed. */
export function finalExpectations(endings: readonly (number | NodeJS.Signals)[]): Expectation[] {
  return [
    {
      text: 'three nodes and the fleet end when they are asked to',
      check: async () => assert.deepEqual(endings, [0, 0, 0, 0]),
    },
  ]
}

interface FleetRow {
  readonly stream: string
  readonly source_node_id: string
  readonly code?: string
  readonly actor?: string
}

interface Head {
  readonly log: string
  readonly size: number
  readonly head_hash: string
}

interface Logs {
  readonly logs: readonly Head[]
}

const placeOf = (head: Head | undefined): unknown => head && { size: head.size, head_hash: head.head_hash }

async function logsOf(scene: Scene, service: Service): Promise<readonly Head[]> {
  const store = await openForReading(scene.store(service))
  try {
    return await store.heads()
  } finally {
    await store.close()
  }
}

async function ask<T>({ operator }: Scene, path: string): Promise<T> {
  const headers = { authorization: `Bearer ${operator['FLEET_TOKEN'] ?? ''}` }
  const response = await fetch(`${operator['FLEET_URL'] ?? ''}${path}`, { headers })
  assert.equal(response.status, 200, path)
  return (await response.json()) as T
}
