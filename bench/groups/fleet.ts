// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import {
  startPostgres,
  type PostgresServer,
} from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import type { FleetCopyParams, FleetCopyResult } from '../cases/fleet-copy.ts'
import type { FleetPushParams, FleetPushResult } from '../cases/fleet-push.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { medianOf, pairedRatio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import { createFleetNode } from '../subjects/fleet-rows.ts'
import { layFleet, layTables, postgresMiB, serveFleet } from '../subjects/fleet-server.ts'
import {
  dataDirectoryOf,
  mustVerify,
  pushedShape,
  rowsPerBody,
  watchMemory,
  type FleetMemory,
} from './fleet-parts.ts'
import { measureFullFleet, type FullFleet } from './full-fleet.ts'
import type { Scale } from './scale.ts'

/** One measured round of rows coming in. */
export interface FleetRound {
  readonly zstd: number
  readonly gzip: number
  /** Four nodes at once, zstd. */
  readonly four: number
  readonly copy: FleetCopyResult
}

export interface FleetRounds {
  readonly rounds: readonly FleetRound[]
  readonly rest: FleetMemory
  /** The most that was seen while rows came in. */
  readonly pushing: FleetMemory
  readonly full: FullFleet
}

/** On a Postgres of its own, started here and ended afterwards; fsync and synchronous_commit are on. The server is a process of its own, from source. */
export async function measureFleet(scale: Scale, folder: string): Promise<FleetRounds> {
  const postgres = await startPostgres({
    settings: {
      shared_buffers: scale.fleet.rows > 1_000_000 ? '2GB' : '256MB',
      max_wal_size: scale.fleet.rows > 1_000_000 ? '8GB' : '2GB',
      maintenance_work_mem: '512MB',
      checkpoint_timeout: '15min',
      max_connections: 100,
    },
  })
  try {
    const rounds: FleetRound[] = []
    const memory: { rest?: FleetMemory; pushing?: FleetMemory } = {}
    for (let round = -scale.warmRounds; round < scale.rounds; round++) {
      const result = await takeRound(postgres, scale, {
        folder: join(folder, `fleet-${round}`),
        isLast: round === scale.rounds - 1,
        memory,
      })
      if (round >= 0) rounds.push(result)
      await postgres.dropDatabases()
    }
    const { rest, pushing } = memory
    if (rest === undefined || pushing === undefined) throw new TypeError('a run needs at least one round')
    const full = await measureFullFleet(postgres, scale, folder)
    return { rounds, rest, pushing, full }
  } finally {
    await postgres.remove()
  }
}

interface RoundParams {
  readonly folder: string
  readonly isLast: boolean
  readonly memory: { rest?: FleetMemory; pushing?: FleetMemory }
}

async function takeRound(
  postgres: PostgresServer,
  scale: Scale,
  { folder, isLast, memory }: RoundParams,
): Promise<FleetRound> {
  mkdirSync(folder)
  const source = await postgres.freshDatabase()
  const target = await postgres.freshDatabase()
  await layTables(target)
  const shape = pushedShape(scale)
  const nodes = Array.from({ length: 6 }, (_, number) => createFleetNode(shape, number))
  const { credentials } = await layFleet(source, join(folder, 'data'), nodes)
  const server = await serveFleet(source, join(folder, 'data'))
  const dataDirectory = await dataDirectoryOf(postgres)
  const seen = (): FleetMemory => ({
    server: server.residentMiB(),
    postgres: postgresMiB(dataDirectory),
  })
  memory.rest = seen()
  const watch = watchMemory(seen)
  const push = async (packing: FleetPushParams['packing'], numbers: readonly number[]): Promise<number> => {
    const result = await runCase<FleetPushParams, FleetPushResult>('fleet-push', {
      url: server.url,
      packing,
      nodes: numbers.map((node) => ({ node, credential: credentials[`node-${node}`] ?? '' })),
      shape,
      rowsPerBody,
    })
    return result.rowsPerSecond
  }
  try {
    const zstd = await push('zstd', [0])
    const gzip = await push('gzip', [1])
    const four = await push('zstd', [2, 3, 4, 5])
    memory.pushing = watch()
    const log = nodes[0]?.logs.audit ?? ''
    const rows = shape.requests * 3
    const copy = await runCase<FleetCopyParams, FleetCopyResult>('fleet-copy', {
      source,
      log,
      rows,
      target,
      folder,
    })
    if (isLast) await mustVerify(source, undefined, rows * 6)
    return { zstd, gzip, four, copy }
  } finally {
    watch()
    await server.close()
    rmSync(folder, { recursive: true })
  }
}

export function fleetTable({ rounds, rest, pushing, full }: FleetRounds): string {
  const rate = (of: (round: FleetRound) => number): string => figure(medianOf(rounds.map(of)))
  const way = rounds[0]?.copy.way ?? 'COPY'
  const rows = figure(full.rows)
  return [
    table(
      [`audit rows into a fleet over HTTP, ${figure(rowsPerBody)} a body, synchronous_commit on`, 'rows/s'],
      [
        ['one node, zstd: verified, stored, cosigned', rate(({ zstd }) => zstd)],
        ['one node, gzip', rate(({ gzip }) => gzip)],
        ['four nodes at once, zstd', rate(({ four }) => four)],
        [`one node, zstd, on top of ${rows} rows`, figure(full.pushedOnTop)],
        [
          `${way} of one node’s rows, one transaction (same table and indices)`,
          rate(({ copy }) => copy.indexed),
        ],
        [`${way}, a bare table`, rate(({ copy }) => copy.bare)],
      ],
    ),
    table(
      [`answers of a fleet of ${rows} rows, ms`, 'p50', 'p99'],
      [
        ...full.answers,
        ...full.withoutTenantIndex.map((each) => ({
          ...each,
          question: `${each.question}, without the index by tenant`,
        })),
      ].map(({ question, p50, p99 }) => [question, figure(p50), figure(p99)]),
    ),
    table(
      ['memory, MiB', 'server', 'Postgres'],
      (
        [
          ['at rest, no rows', rest],
          ['the most while rows came in', pushing],
          [`at rest, ${rows} rows`, full.rest],
          ['the most while it answered', full.asking],
        ] as const
      ).map(([name, { server, postgres }]) => [name, figure(server), figure(postgres)]),
    ),
    table(
      ['disk, MB per million rows', 'table', 'indices'],
      full.disk.map(({ stream, table: own, indices }) => [stream, figure(own), figure(indices)]),
    ),
    table(
      ['each index', 'MB per million rows of its table', 's to make it, in all'],
      full.indices.map(({ name, bytesPerRow, seconds }) => [name, figure(bytesPerRow), figure(seconds)]),
    ),
    table(
      ['beside it', 'figure'],
      [
        ['rows counted for RED, rows/s (api and audit, the newest tenth)', figure(full.followed)],
        ['rows made and brought in for this run, without indices, rows/s', figure(full.filled)],
        ['one log verified in it, rows/s', figure(full.verified)],
      ],
    ),
  ].join('\n\n')
}

export function fleetGoals({ rounds, full }: FleetRounds): readonly Goal[] {
  const goal = (
    text: string,
    limit: number,
    ours: (round: FleetRound) => number,
    theirs: 'indexed' | 'bare',
  ): Goal => ({
    id: 'P8',
    text,
    sense: '≥',
    limit,
    unit: '×',
    found: pairedRatio(
      rounds.map(ours),
      rounds.map(({ copy }) => copy[theirs]),
    ),
  })
  const slowest = (part: string): number =>
    Math.max(...full.answers.filter(({ question }) => question.includes(part)).map(({ p99 }) => p99))
  const answered = (text: string, part: string, limit: number): Goal => {
    const p99 = slowest(part)
    return { id: 'P7', text, sense: '≤', limit, unit: 'ms', found: { median: p99, min: p99, max: p99 } }
  }
  return [
    goal('fleet: one node’s rows over HTTP beside COPY of the same', 0.7, ({ zstd }) => zstd, 'indexed'),
    goal('fleet: the same in gzip', 0.7, ({ gzip }) => gzip, 'indexed'),
    goal('fleet: four nodes at once beside COPY of one’s', 0.95, ({ four }) => four, 'indexed'),
    answered('fleet: request id, p99', 'request id', 50),
    answered('fleet: actor and time, p99', 'actor', 50),
    answered('fleet: code and time, p99', 'code', 50),
    answered('fleet: RED, p99', 'RED', 100),
  ]
}
