// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path'
import { FastenError, type Fasten } from 'fasten'
import { formatVerifierKey, type Clock } from 'fasten/core'
import { createSystemClock } from 'fasten/store'
import type { FastifyInstance } from 'fastify'
import { accessRoutes, credentialsOf, startAccess } from '../access/access.ts'
import { ensureFirstAdmin } from '../access/users/first-admin.ts'
import type { FleetConfig } from '../config/config.ts'
import { openEmbeddedPostgres } from '../database/embedded/embedded-postgres.ts'
import { openFleetDatabase, type FleetDatabase } from '../database/fleet-database.ts'
import { arrivingRoutes } from '../ingest/arriving-routes.ts'
import { ingestRoutes } from '../ingest/ingest-routes.ts'
import { authenticateSource } from '../ingest/sources/authenticate-source.ts'
import { openSources } from '../ingest/sources/sources.ts'
import { openWitnessKey } from '../ingest/witness-key.ts'
import { channelsOf } from '../nodes/alarms/channels-of.ts'
import { createAlarmBook } from '../nodes/alarms/raise-alarm.ts'
import { startAlarms } from '../nodes/alarms/start-alarms.ts'
import { authenticateNode } from '../nodes/authenticate-node.ts'
import { askRoutes } from '../metrics/ask/ask-routes.ts'
import { exposeRoute } from '../metrics/expose/expose-route.ts'
import { startFollower } from '../metrics/follow/follower.ts'
import { nodesRoutes } from '../nodes/nodes.ts'
import { layRows } from '../trail/lay-rows.ts'
import { openTrail } from '../trail/trail.ts'
import { fleetDocument } from './openapi/fleet-document.ts'
import { retentionRoutes } from '../retention/retention-routes.ts'
import { queryRoutes } from '../query/routes.ts'
import { createApp, type DeclaredRoute } from '../web/app.ts'
import { pagesRoutes } from '../web/pages-routes.ts'
import { healthRoutes } from './health.ts'
import { refuseSealingAgain, rememberSealing, tellSealing } from './seal-once.ts'
import { secretIn } from './secret-file.ts'
import { tlsFiles } from './tls-files.ts'
import { tellConfig } from './tell-config.ts'
import { refuseRolledBack, rememberPlace } from './remember-place.ts'
import { startWatch } from './watch/start-watch.ts'
import { tellBrokenSeals } from './watch/tell-broken-seals.ts'

/** A fleet server that answers. */
export interface FleetServer {
  /** `http://host:port`, as it listens. */
  readonly url: string
  readonly database: FleetDatabase
  readonly fasten: Fasten
  /** Every address that it answers at, and who may ask it. */
  readonly routes: readonly DeclaredRoute[]
  /** Takes no more requests, ends those that run, stores what it still has to tell, and lets go of the database. */
  close(): Promise<void>
}

export interface ServeOptions {
  /** Told what takes seconds. */
  readonly onProgress?: (step: string) => void
  /** Shows a secret to the person who started the server; undefined where what is written ends in a log. */
  readonly tellPerson?: (line: string) => void
  /** What expiry is measured against; default the system's. Tests move it. */
  readonly clock?: Clock
}

/** Starts a server: database, own trail, routes. Whatever keeps it from starting is thrown, with everything closed again. */
export async function serve(
  config: FleetConfig,
  { onProgress = () => {}, tellPerson, clock = createSystemClock() }: ServeOptions = {},
): Promise<FleetServer> {
  const closers: (() => Promise<unknown>)[] = []
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed()) await close()
  }
  try {
    const secret = config.secret?.() ?? secretIn(config.dataDir)
    const embedded =
      config.databaseUrl === undefined
        ? await openEmbeddedPostgres({ folder: join(config.dataDir, 'postgres'), onProgress })
        : undefined
    if (embedded !== undefined) closers.push(() => embedded.stop())
    const url = embedded?.url ?? config.databaseUrl?.() ?? ''
    const onSealing = (): void => refuseSealingAgain(config.dataDir)
    const database = await openFleetDatabase({ url, secret, layRows, onSealing })
    rememberSealing(config.dataDir)
    closers.push(() => database.close())
    await refuseRolledBack(database.pool, config.dataDir)
    closers.push(() => rememberPlace(database.pool, config.dataDir))
    const fasten = await openTrail(config, database)
    closers.push(() => fasten.close())
    let isEnding = false
    const witness = await openWitnessKey({ database, secret, name: config.name })
    const { tls, limits, credentialDays } = config.nodes
    const channels = channelsOf(config.nodes, clock)
    const book = createAlarmBook({ fasten, clock, channels: channels.map(({ name }) => name) })
    const telling = tellBrokenSeals({ database, fasten, clock, book })
    closers.push(() => telling.close())
    await tellSealing({ database, fasten })
    const access = { database, fasten, clock, secret, config: config.access }
    const app = await createApp({
      fasten,
      authenticators: [
        authenticateNode({ database, fasten, clock }),
        authenticateSource({ database, fasten, clock }),
        ...credentialsOf(access),
      ],
      trustProxy: config.access.trustProxy,
      limits: {
        perCredential: config.access.requestsPerMinute,
        perAddress: config.access.requestsPerMinuteAndAddress,
      },
      ...(tls === undefined ? {} : { tls: tlsFiles(tls) }),
    })
    closers.push(() => closeApp(app))
    healthRoutes(app, database, () => isEnding)
    pagesRoutes(app)
    accessRoutes(app, access)
    const sweeping = startAccess(access)
    closers.push(() => sweeping.close())
    await tellConfig(config, { database, fasten })
    const file = join(config.dataDir, 'first-password')
    if ((await ensureFirstAdmin(access, { file, tellPerson })) === 'written')
      onProgress(`the first login is admin; its password is in ${file}`)
    const stores = queryRoutes(app, {
      database,
      fasten,
      clock,
      document: () => fleetDocument(app.declared),
      codeFiles: config.codeFiles,
    })
    askRoutes(app, { database, fasten, clock, stores })
    ingestRoutes(app, { database, fasten, clock, witness, name: config.name, book })
    const { retention, serverId } = config
    const keeper = retentionRoutes(app, { database, fasten, clock, retention, serverId })
    closers.push(() => keeper.close())
    const sources = openSources(app, {
      database,
      fasten,
      clock,
      secret,
      witness,
      book,
      privateAddresses: config.nodes.pullPrivate,
      failingS: limits.silentS,
    })
    closers.push(() => sources.close())
    arrivingRoutes(app, { database, fasten, clock, seal: sources.seal })
    exposeRoute(app, { database, fasten, clock, stores, metrics: config.metrics })
    const follower = startFollower({ database, fasten, clock })
    closers.push(() => follower.close())
    nodesRoutes(app, {
      database,
      fasten,
      clock,
      fleet: { name: config.name, witness_vkey: formatVerifierKey(witness.key) },
      wantsCertificate: tls?.clientCaFile !== undefined,
      silentAfterS: limits.silentS,
      credentialDays,
      book,
    })
    const watching = startWatch({
      database,
      fasten,
      clock,
      book,
      witness: witness.key,
      rememberPlace: () => rememberPlace(database.pool, config.dataDir),
    })
    closers.push(() => watching.close())
    const alarms = startAlarms({ database, fasten, clock, book, limits, channels, name: config.name })
    closers.push(() => alarms.close())
    const address = await listening(app, config)
    fasten.emit({
      code: 'FLEET_STARTED',
      target: config.serverId,
      actor: 'fleet',
      actor_kind: 'system',
      detail: { listens: address, witness_vkey: formatVerifierKey(witness.key) },
    })
    return {
      url: address,
      database,
      fasten,
      routes: app.declared,
      async close() {
        if (isEnding) return
        isEnding = true
        fasten.emit({ code: 'FLEET_STOPPED', target: config.serverId, actor: 'fleet', actor_kind: 'system' })
        await closeAll()
      },
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function listening(app: FastifyInstance, { listen }: FleetConfig): Promise<string> {
  try {
    return await app.listen(listen)
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === undefined || !/^E[A-Z]+$/.test(code)) throw error
    throw new FastenError('FLEET_CANNOT_LISTEN', `it cannot listen there: ${(error as Error).message}`, {
      at: `FLEET_LISTEN ${listen.host}:${listen.port}`,
      hint: 'end what has the port, or give another one; below 1024 it needs a right of its own',
      cause: error,
    })
  }
}

/** What runs may come to its end, for so long; a client that sends half a request, or takes half an answer, does not hold up the end. */
const graceMs = 10_000

async function closeApp(app: FastifyInstance): Promise<void> {
  const timer = setTimeout(() => app.server.closeAllConnections(), graceMs)
  try {
    await app.close()
  } finally {
    clearTimeout(timer)
  }
}
