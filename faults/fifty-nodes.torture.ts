// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { startPostgres } from '../packages/fasten/src/store/postgres/fixtures/server.ts'
import { openForReading } from '../packages/fasten/src/store/open.ts'
import { freePort } from '../packages/fasten/src/store/fixtures/free-port.ts'
import { createApiKey } from '../packages/fleet/src/access/api-keys/create-api-key.ts'
import { createEnrolmentToken } from '../packages/fleet/src/nodes/enrolment/create-enrolment-token.ts'
import { fleetProcess, type FleetProcess } from '../packages/fleet/src/testing/fixtures/fleet-process.ts'
import { permissionsOf } from '../packages/fleet/src/web/principal.ts'
import { createSystemClock } from '../packages/fasten/src/store/platform.ts'
import { createChance, seed } from './harness/chance.ts'
import { judgeUnion } from './harness/judge-union.ts'
import { storeOf, type NodesJob } from './harness/fleet-node-job.ts'
import { onePromiseMore } from './harness/ledger.ts'
import { atEnd } from './harness/endings.ts'
import { makeFolder } from './harness/place.ts'
import { openTornLine } from './harness/torn-line.ts'
import { openSimPlace, type SimPlace } from './simulation/sim-fleet.ts'

const chance = createChance()
const nodeCount = 50
const processCount = 5
const badMs = 60_000
/** For the fleet to have everything, once the line is good. */
const settleMs = 600_000
const perProcess = Math.ceil(nodeCount / processCount)

/**
 * Nodes with their own spools, stores and keys ship to a server through a line that breaks in four ways, while processes of nodes and the
 * server are killed. Then the line is good and everything lives until the nodes say that all is shipped.
 */
test(`${nodeCount} nodes ship over a line that breaks, while they and the fleet are killed`, async (t) => {
  const began = performance.now()
  const postgres = await startPostgres({ own: true })
  atEnd(t, () => postgres.remove())
  const databaseUrl = await postgres.freshDatabase()
  const place = await openSimPlace(databaseUrl)
  atEnd(t, () => place.close())
  const deps = { ...place, clock: createSystemClock() }
  const folder = makeFolder(t)
  const server = await serverOf(t, databaseUrl, folder)
  const line = await openTornLine({ to: server.port, chance, heldMs: 35_000 })
  atEnd(t, () => line.close())
  const maker = { actor: 'os:test', tenants: 'all' } as const
  const { token } = await createEnrolmentToken(deps, maker, { usesMax: nodeCount * 4, expiresInS: 86_400 })

  const names = Array.from({ length: nodeCount }, (_, index) => `n${index}`)
  const processes = Array.from({ length: processCount }, (_, index) =>
    nodesOf(t, {
      folder,
      names: names.slice(index * perProcess, (index + 1) * perProcess),
      url: `http://127.0.0.1:${line.port}`,
      token,
      ledger: join(folder, `ledger-${index}`),
      everyMs: 1_500,
    }),
  )
  for (const each of processes) await onePromiseMore(each.ledger)
  line.badness = 8
  const kills = { nodes: 0, server: 0 }
  for (const until = performance.now() + badMs; performance.now() < until;) {
    await pause(chance.between(badMs / 40, badMs / 10))
    if (kills.server === 0 || chance.next() < 0.3) {
      kills.server++
      await server.kill()
    } else {
      kills.nodes += perProcess
      await chance.pick(processes).kill()
    }
  }
  line.badness = 0
  await Promise.all(processes.map((each) => each.rest()))
  const late = await untilThere(
    place,
    names.map((name) => ({ name, path: storeOf(folder, name) })),
  )
  const refused = await Promise.all(processes.map((each) => each.end()))

  const { key } = await createApiKey(
    deps,
    { actor: 'os:test', rights: [{ permissions: new Set(permissionsOf.auditor), tenants: 'all' }] },
    { name: 'auditor', permissions: permissionsOf.auditor, tenants: 'all', expiresInDays: 1 },
  )
  const stores = names.map((name) => ({ name, folder: join(folder, name) }))
  const ledgers = processes.map(({ ledger }) => ledger)
  const judged = await judgeUnion({ place, stores, ledgers })
  const verify = fleetProcess(['verify'], { FLEET_URL: `http://127.0.0.1:${server.port}`, FLEET_TOKEN: key })
  const verified = await verify.ended
  const cuts = [...line.met].map(([fate, count]) => `${count} ${fate}`).join(', ')
  t.diagnostic(
    `${nodeCount} nodes, 3 streams · ${judged.acked} acked, ${judged.lost.length} lost, ${judged.twice.length} twice, ${judged.different.length} different · ` +
      `${judged.rows} rows in ${judged.logs} logs, ${judged.checkpoints} cosigned checkpoints · ${kills.nodes} nodes and ${kills.server} servers killed; ${cuts} · ` +
      `${Math.round((performance.now() - began) / 1000)} s · seed ${seed}`,
  )
  assert.ok(judged.acked > nodeCount, `only ${judged.acked} rows were promised, which shows nothing`)
  assert.deepEqual(
    { ...judged, late, refused, verified },
    {
      ...judged,
      late: [],
      lost: [],
      twice: [],
      different: [],
      evidence: 0,
      logs: nodeCount * 3,
      refused: processes.map(() => 'shipped 0'),
      verified: 0,
    },
    verify.out() + verify.err(),
  )
})

/** Waits until the fleet has as many rows of each log as its node, and as many of them signed as are signed there; answers what it has not. */
async function untilThere(
  { database: { pool } }: SimPlace,
  stores: readonly { readonly name: string; readonly path: string }[],
): Promise<readonly string[]> {
  for (const until = performance.now() + settleMs; ; await pause(1000)) {
    const { rows } = await pool.query<{ log: string; size: number; signed: number }>(
      'SELECT log, size::int, coalesce((SELECT max(c.size) FROM fasten_checkpoints c WHERE c.log = l.log), 0)::int AS signed FROM fasten_logs l',
    )
    const places = new Map(rows.map((row) => [row.log, row]))
    const late: string[] = []
    for (const { name, path } of stores) {
      const store = await openForReading(path)
      for (const { log, size } of await store.heads()) {
        const { size: there = 0, signed = 0 } = places.get(log) ?? {}
        const [newest] = (await store.checkpoints?.({ log, limit: 1 })) ?? []
        if (there < size || signed < (newest?.size ?? 0))
          late.push(
            `${name} ${log}: ${size} rows, signed ${newest?.size}, and ${there}, signed ${signed}, at the fleet`,
          )
      }
      await store.close()
    }
    if (late.length === 0 || performance.now() > until) return late
  }
}

interface Server {
  readonly port: number
  /** SIGKILL, and a start at the same address. */
  kill(): Promise<void>
}

async function serverOf(t: TestContext, databaseUrl: string, folder: string): Promise<Server> {
  const port = await freePort()
  let running: FleetProcess
  const start = async (): Promise<void> => {
    running = fleetProcess(['serve'], {
      FLEET_DATABASE_URL: databaseUrl,
      FLEET_SECRET: '05'.repeat(32),
      FLEET_SERVER_ID: 'killed',
      FLEET_DATA_DIR: join(folder, 'fleet'),
      FLEET_LISTEN: `127.0.0.1:${port}`,
      FLEET_LOG: 'silent',
      FLEET_RATE_LIMIT_ADDRESS: '100000',
    })
    await running.url
  }
  atEnd(t, async () => {
    running.child.kill('SIGTERM')
    await running.ended
  })
  await start()
  return {
    port,
    async kill() {
      running.child.kill('SIGKILL')
      await running.ended
      await start()
    },
  }
}

interface Nodes {
  readonly ledger: string
  /** SIGKILL, and a start at the same place. */
  kill(): Promise<void>
  /** No more rows; resolves once they are signed. */
  rest(): Promise<void>
  /** Resolves with what it says at its end. */
  end(): Promise<string>
}

function nodesOf(t: TestContext, job: NodesJob): Nodes {
  const entry = new URL('./harness/fleet-nodes.ts', import.meta.url).pathname
  let child: ChildProcess
  let said = ''
  const start = (): void => {
    child = spawn(process.execPath, ['--conditions=fasten-source', entry, JSON.stringify(job)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    said = ''
    child.stdout?.on('data', (bytes: Buffer) => (said += bytes.toString()))
  }
  start()
  atEnd(t, () => void child.kill('SIGKILL'))
  return {
    ledger: job.ledger,
    async kill() {
      child.kill('SIGKILL')
      await once(child, 'close')
      start()
    },
    async rest() {
      child.stdin?.write('rest\n')
      while (!said.includes('signed') && child.exitCode === null) await pause(100)
    },
    async end() {
      child.stdin?.write('end\n')
      await once(child, 'close')
      return said.trim().split('\n').at(-1) ?? ''
    },
  }
}
