// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { streams } from 'fasten/core'
import { Client } from 'pg'
import type { PostgresServer } from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import type { FleetAnswerTimes, FleetAskParams } from '../cases/fleet-ask.ts'
import type { FleetFillParams, FleetFillResult } from '../cases/fleet-fill.ts'
import type { FleetPushParams, FleetPushResult } from '../cases/fleet-push.ts'
import { runCase } from '../measure/child.ts'
import { readIndices, readSizes, rowTables, type FleetIndex } from '../subjects/fleet-indices.ts'
import { createFleetNode, rowsOfRequest, smallNode, type FleetShape } from '../subjects/fleet-rows.ts'
import { layFleet, postgresMiB, serveFleet } from '../subjects/fleet-server.ts'
import { pushAll } from '../subjects/push.ts'
import {
  dataDirectoryOf,
  mustVerify,
  pushedShape,
  rowsPerBody,
  watchMemory,
  type FleetMemory,
} from './fleet-parts.ts'
import type { Scale } from './scale.ts'

/** What was measured of a fleet that is full. */
export interface FullFleet {
  readonly rows: number
  readonly answers: readonly FleetAnswerTimes[]
  readonly rest: FleetMemory
  readonly asking: FleetMemory
  /** MB per million rows. */
  readonly disk: readonly { readonly stream: string; readonly table: number; readonly indices: number }[]
  readonly indices: readonly {
    readonly name: string
    readonly bytesPerRow: number
    readonly seconds: number
  }[]
  /** Rows per second: counted by the follower, brought in without indices, verified, pushed by one node on top. */
  readonly followed: number
  readonly filled: number
  readonly verified: number
  readonly pushedOnTop: number
  /** What the questions by somebody of one tenant take when the indices by tenant are dropped. */
  readonly withoutTenantIndex: readonly FleetAnswerTimes[]
}

/** What a fleet of that age has behind it. */
const spanMicros = 30 * 86_400_000_000
/** Requests of each node that it pushes itself, so that its logs are signed and cosigned. */
const pushedRequests = 200
const firstPosition = 10_000
const firstLogId = 1_000

/**
 * A fleet with so many rows of the last thirty days, brought in by COPY before there are indices, those made as the migrations make them, the end of
 * every log pushed and cosigned, a log of it verified; then asked.
 */
export async function measureFullFleet(
  postgres: PostgresServer,
  scale: Scale,
  parent: string,
): Promise<FullFleet> {
  const folder = join(parent, 'full-fleet')
  mkdirSync(folder)
  const { nodes: count, asked } = scale.fleet
  const perRequest = streams.reduce((sum, stream) => sum + rowsOfRequest[stream], 0)
  const requests = Math.floor(scale.fleet.rows / count / perRequest)
  const endMicros = Math.floor(Date.now() / 60_000) * 60_000_000
  const shape: FleetShape = { nodes: count, requests, endMicros, spanMicros }
  const url = await postgres.freshDatabase()
  const numbers = Array.from({ length: count }, (_, number) => number)
  const extra = count
  const { credentials, keys } = await layFleet(
    url,
    join(folder, 'data'),
    [...numbers, extra, smallNode].map((number) => createFleetNode(shape, number)),
  )
  const client = new Client({ connectionString: url, options: '-c search_path=fleet -c timezone=UTC' })
  await client.connect()
  const indices = await readIndices(client)
  for (const { drop } of indices) await client.query(drop)
  const first = new Date((endMicros - spanMicros) / 1000).toISOString().slice(0, 10)
  for (const each of rowTables)
    await client.query('SELECT fasten_make_months($1, $2::date, 4)', [each, first])

  const filling = performance.now()
  const parts = await Promise.all(
    [0, 1].map(async (part) =>
      runCase<FleetFillParams, FleetFillResult>('fleet-fill', {
        url,
        shape,
        nodes: numbers.filter((number) => number % 2 === part),
        requests: requests - pushedRequests,
        step: 400,
        folder,
        firstPosition,
        firstLogId,
      }),
    ),
  )
  const filledRows = (requests - pushedRequests) * perRequest * count
  const filled = (filledRows / (performance.now() - filling)) * 1000
  await client.query("UPDATE fasten_counters SET value = $1 WHERE name = 'position'", [
    firstPosition + filledRows,
  ])
  await client.query("UPDATE fasten_counters SET value = $1 WHERE name = 'log_id'", [
    firstLogId + count * streams.length,
  ])
  const seconds = await makeIndices(url, indices)
  await client.query('ANALYZE')
  // What came before is as if it had been counted and swept: the follower has the newest tenth before it.
  const counted = firstPosition + Math.floor(filledRows * 0.9)
  await client.query('UPDATE fleet_red_cursors SET position = $1', [counted])

  const server = await serveFleet(url, join(folder, 'data'))
  const dataDirectory = await dataDirectoryOf(postgres)
  const seen = (): FleetMemory => ({ server: server.residentMiB(), postgres: postgresMiB(dataDirectory) })
  try {
    const followed = await followedTo(client, firstPosition + filledRows)
    const bodies = new Map(parts.flatMap((part) => Object.entries(part.bodies)))
    for (const [number, file] of bodies)
      await pushAll(server.url, credentials[`node-${number}`] ?? '', [readFileSync(file)], 'zstd')
    const push = async (node: number, pushed: FleetShape): Promise<number> => {
      const { rowsPerSecond } = await runCase<FleetPushParams, FleetPushResult>('fleet-push', {
        url: server.url,
        packing: 'zstd',
        nodes: [{ node, credential: credentials[`node-${node}`] ?? '' }],
        shape: pushed,
        rowsPerBody,
      })
      return rowsPerSecond
    }
    await push(smallNode, { ...shape, requests: 1000 })
    const log = createFleetNode(shape, 0).logs.audit
    const verifying = performance.now()
    await mustVerify(url, log, requests * rowsOfRequest.audit)
    const verified = ((requests * rowsOfRequest.audit) / (performance.now() - verifying)) * 1000
    const { rows: counters } = await client.query<{ value: string }>(
      "SELECT value FROM fasten_counters WHERE name = 'position'",
    )
    await followedTo(client, Number(counters[0]?.value))
    const rest = seen()
    const watch = watchMemory(seen)
    const ask = async (about: string): Promise<readonly FleetAnswerTimes[]> =>
      runCase<FleetAskParams, readonly FleetAnswerTimes[]>('fleet-ask', {
        url: server.url,
        keys,
        shape,
        times: asked,
        countedMicros: endMicros - spanMicros / 10,
        about,
      })
    const answers = await ask('')
    const asking = watch()
    const pushedOnTop = await push(extra, pushedShape(scale))
    const sizes = await readSizes(client)
    for (const { drop } of indices.filter(({ name }) => /^fleet_\w+_tenant$/.test(name)))
      await client.query(drop)
    const withoutTenantIndex = await ask('by somebody of')
    const rowsIn = (each: string): number => sizes.tables[each]?.rows ?? 0
    return {
      rows: count * requests * perRequest,
      answers,
      rest,
      asking,
      disk: rowTables.map((each) => ({
        stream: each.replace('_log', ''),
        table: (sizes.tables[each]?.bytes ?? 0) / rowsIn(each),
        indices:
          indices
            .filter(({ table: own }) => own === each)
            .reduce((sum, { name }) => sum + (sizes.indices[name] ?? 0), 0) / rowsIn(each),
      })),
      indices: indices.map(({ name, table: own }, at) => ({
        name,
        bytesPerRow: (sizes.indices[name] ?? 0) / rowsIn(own),
        seconds: seconds[at] ?? 0,
      })),
      followed,
      filled,
      verified,
      pushedOnTop,
      withoutTenantIndex,
    }
  } finally {
    await client.end()
    await server.close()
    rmSync(folder, { recursive: true })
    await postgres.dropDatabases()
  }
}

/** Two at a time; those of primary keys first and alone. Answers the seconds that each took. */
async function makeIndices(url: string, indices: readonly FleetIndex[]): Promise<readonly number[]> {
  const seconds: number[] = []
  const left = [...indices.entries()]
  const work = async (): Promise<void> => {
    const client = new Client({ connectionString: url, options: '-c search_path=fleet' })
    await client.connect()
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const start = performance.now()
      await client.query(next[1].make)
      seconds[next[0]] = (performance.now() - start) / 1000
    }
    await client.end()
  }
  const bonds = left.splice(0, left.filter(([, { make }]) => make.startsWith('ALTER')).length)
  const rest = left.splice(0)
  left.push(...bonds)
  await work()
  left.push(...rest)
  await Promise.all([work(), work()])
  return seconds
}

/** Waits until the follower has counted all rows up to there; answers its rows per second since it began. */
async function followedTo(client: Client, position: number): Promise<number> {
  const look = async () => {
    const { rows } = await client.query<{ least: string; counted: string }>(
      'SELECT min(position) AS least, sum(counted) AS counted FROM fleet_red_cursors',
    )
    return { least: Number(rows[0]?.least), counted: Number(rows[0]?.counted), at: performance.now() }
  }
  const before = await look()
  let now = before
  while (now.least < position) {
    await pause(100)
    now = await look()
  }
  return ((now.counted - before.counted) / (now.at - before.at)) * 1000
}
