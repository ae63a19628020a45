// SPDX-License-Identifier: Apache-2.0
/**
 * Fleet servers of a simulation: the real routes on the real database. A request is handed to them without a socket, and stops before and
 * behind each of its transactions, so that the seed decides what other requests do in between, and where a server dies.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { PoolClient } from 'pg'
import { readFleetConfig } from '../../packages/fleet/src/config/config.ts'
import { openFleetDatabase, type FleetDatabase } from '../../packages/fleet/src/database/fleet-database.ts'
import { ingestRoutes } from '../../packages/fleet/src/ingest/ingest-routes.ts'
import { openWitnessKey } from '../../packages/fleet/src/ingest/witness-key.ts'
import { createAlarmBook } from '../../packages/fleet/src/nodes/alarms/raise-alarm.ts'
import { authenticateNode } from '../../packages/fleet/src/nodes/authenticate-node.ts'
import { createEnrolmentToken } from '../../packages/fleet/src/nodes/enrolment/create-enrolment-token.ts'
import { nodesRoutes } from '../../packages/fleet/src/nodes/nodes.ts'
import { layRows } from '../../packages/fleet/src/trail/lay-rows.ts'
import { openTrail } from '../../packages/fleet/src/trail/trail.ts'
import { createApp } from '../../packages/fleet/src/web/app.ts'
import type { Clock } from '../../packages/fasten/src/core/clock.ts'
import type { NoteSigner } from '../../packages/fasten/src/core/signature-line.ts'
import { formatVerifierKey } from '../../packages/fasten/src/core/verifier-key.ts'
import type { Chance } from '../harness/chance.ts'
import type { Delivery } from './network.ts'
import type { Actor, Timeline } from './timeline.ts'

/** What all simulations of one process share: a database and the fleet's own trail in it. */
export interface SimPlace {
  readonly database: FleetDatabase
  readonly fasten: Awaited<ReturnType<typeof openTrail>>
  readonly witness: NoteSigner
  close(): Promise<void>
}

export async function openSimPlace(databaseUrl: string): Promise<SimPlace> {
  const dataDir = mkdtempSync(join(tmpdir(), 'fleet-simulation-'))
  const secret = Buffer.alloc(32, 5)
  const database = await openFleetDatabase({ url: databaseUrl, secret, layRows })
  const config = readFleetConfig({ FLEET_DATA_DIR: dataDir, FLEET_SERVER_ID: 's1', FLEET_LOG: 'silent' })
  const fasten = await openTrail(config, database)
  return {
    database,
    fasten,
    witness: await openWitnessKey({ database, secret, name: config.name }),
    async close() {
      await fasten.close()
      await database.close()
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

export interface SimFleet {
  readonly deliver: Delivery
  /** A token with which a node enrols. */
  token(source_node_id: string): Promise<string>
  /** SIGKILL: whatever a server does ends where it stands. It is back after so long. */
  crash(downMs: number): void
  /** From now on no transaction breaks, and every server is up. */
  calm(): void
  readonly counts: { requests: number; commits: number; brokenTransactions: number; crashes: number }
}

interface Server {
  readonly name: string
  app: Promise<FastifyInstance> | undefined
  readonly running: Set<{ readonly actor: Actor; readonly cut: () => void }>
}

export interface SimFleetOptions {
  readonly place: SimPlace
  readonly timeline: Timeline
  readonly chance: Chance
  readonly servers: number
  /** How many of a hundred transactions break. */
  readonly broken: number
  /** Rows may have been stored; `answered` when the rows in an answer were promised. */
  readonly onCommit: () => void
  readonly onAnswer: (path: string, text: string) => void
}

export function createSimFleet(options: SimFleetOptions): SimFleet {
  const { place, timeline, chance, onCommit, onAnswer } = options
  const clock = timeline.clock()
  const current = new AsyncLocalStorage<Actor>()
  const counts = { requests: 0, commits: 0, brokenTransactions: 0, crashes: 0 }
  let brokenOf100 = options.broken
  const database: FleetDatabase = { ...place.database, transact: stepwise }
  const servers = Array.from({ length: options.servers }, (_, index): Server => {
    const name = `s${index + 1}`
    return { name, app: startServer({ ...place, database, clock }), running: new Set() }
  })

  /** A transaction as it is, between two stops; some break, before their end or behind it. */
  async function stepwise<T>(work: (sql: PoolClient) => Promise<T>): Promise<T> {
    const actor = current.getStore()
    if (actor === undefined) return place.database.transact(work)
    await actor.sleep(chance.between(0, 40))
    const fate = chance.between(0, 99) < brokenOf100 ? chance.pick(['within', 'behind'] as const) : 'fine'
    if (fate !== 'fine') counts.brokenTransactions++
    const answer = await place.database.transact(async (sql) => {
      const mend = fate === 'within' ? breakLater(sql) : () => {}
      try {
        return await work(sql)
      } finally {
        mend()
      }
    })
    counts.commits++
    onCommit()
    await actor.sleep(chance.between(0, 40))
    if (fate === 'behind') throw lost()
    return answer
  }

  /** The connection ends at one of the statements that follow, unless it is mended before. */
  function breakLater(sql: PoolClient): () => void {
    let left = chance.between(1, 8)
    const { query } = sql
    sql.query = ((...parts: Parameters<typeof query>) => {
      if (--left === 0)
        (sql as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy()
      return query.apply(sql, parts)
    }) as typeof query
    return () => {
      sql.query = query
    }
  }

  const deliver: Delivery = ({ method, path, headers, body }, { answer, cut }) => {
    const server = chance.pick(servers)
    counts.requests++
    if (server.app === undefined) return cut()
    const { app } = server
    const actor = timeline.actor(`${server.name} ${path}`)
    const request = { actor, cut }
    server.running.add(request)
    actor.enter()
    void current.run(actor, async () => {
      const response = await (
        await app
      ).inject({
        method: method as 'GET' | 'POST',
        url: path,
        headers: Object.fromEntries(
          Object.entries(headers).filter(([name]) => name !== 'content-length'),
        ) as Record<string, string>,
        ...(body === undefined ? {} : { payload: Buffer.from(body) }),
      })
      if (actor.isDead) return
      server.running.delete(request)
      timeline.tell(`${server.name} answers ${path} ${response.statusCode}`)
      onAnswer(path, response.statusCode === 200 ? response.body : '')
      const retryAfter = response.headers['retry-after']
      answer({
        status: response.statusCode,
        headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
        text: response.body,
      })
      actor.leave()
    })
  }

  function start(server: Server): void {
    server.app ??= startServer({ ...place, database, clock })
  }

  return {
    deliver,
    counts,
    token: async (source_node_id) =>
      (
        await createEnrolmentToken(
          { ...place, clock },
          { actor: 'os:simulation', tenants: 'all' },
          { source_node_id, usesMax: 1, expiresInS: 86_400 },
        )
      ).token,
    crash(downMs) {
      const server = chance.pick(servers)
      if (server.app === undefined) return
      counts.crashes++
      timeline.tell(`${server.name} dies with ${server.running.size} requests`)
      server.app = undefined
      for (const { actor, cut } of server.running) {
        actor.kill()
        cut()
      }
      server.running.clear()
      timeline.in(downMs, () => start(server))
    },
    calm() {
      brokenOf100 = 0
      for (const server of servers) start(server)
    },
  }
}

async function startServer({
  database,
  fasten,
  witness,
  clock,
}: Pick<SimPlace, 'database' | 'fasten' | 'witness'> & { readonly clock: Clock }): Promise<FastifyInstance> {
  const name = 'fleet'
  const book = createAlarmBook({ fasten, clock, channels: [] })
  const app = await createApp({
    fasten,
    authenticators: [authenticateNode({ database, fasten, clock })],
    limits: { perCredential: 1e6, perAddress: 1e6 },
  })
  ingestRoutes(app, { database, fasten, clock, witness, name, book })
  nodesRoutes(app, {
    database,
    fasten,
    clock,
    fleet: { name, witness_vkey: formatVerifierKey(witness.key) },
    wantsCertificate: false,
    silentAfterS: 120,
    credentialDays: 0,
    book,
  })
  await app.ready()
  return app
}

const lost = (): Error =>
  Object.assign(new Error('Connection terminated unexpectedly'), { code: 'ECONNRESET' })
