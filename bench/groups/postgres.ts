// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startPostgres } from '../../packages/fasten/src/store/postgres/fixtures/server.ts'
import type { CatchUpParams, CatchUpResult } from '../cases/postgres-catch-up.ts'
import type { PostgresCopyParams, PostgresCopyResult } from '../cases/postgres-copy.ts'
import type { PostgresStoredParams, PostgresStoredResult } from '../cases/postgres-stored.ts'
import type { PostgresSweepParams, PostgresSweepResult } from '../cases/postgres-sweep.ts'
import type { PostgresVerifyParams, PostgresVerifyResult } from '../cases/postgres-verify.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { medianOf, pairedRatio, type Ratio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import type { Scale } from './scale.ts'

/** Everything about rows in Postgres, one entry for each measured round. */
export interface PostgresRounds {
  readonly stored: readonly PostgresStoredResult[]
  /** The same without signing, which shows what checkpoints cost. */
  readonly unsigned: readonly PostgresStoredResult[]
  readonly copied: readonly PostgresCopyResult[]
  readonly caughtUp: readonly CatchUpResult[]
  readonly swept: readonly PostgresSweepResult[]
  readonly verify: PostgresVerifyResult
}

/** On a server of its own, started here and ended afterwards; fsync and synchronous_commit are on. */
export async function measurePostgres(scale: Scale, folder: string): Promise<PostgresRounds> {
  const server = await startPostgres({ settings: { shared_buffers: '256MB', max_wal_size: '2GB' } })
  try {
    const rounds: { [K in Exclude<keyof PostgresRounds, 'verify'>]: PostgresRounds[K][number][] } = {
      stored: [],
      unsigned: [],
      copied: [],
      caughtUp: [],
      swept: [],
    }
    let verify: PostgresVerifyResult | undefined
    const { rows } = scale
    for (let round = -scale.warmRounds; round < scale.rounds; round++) {
      const dir = mkdtempSync(join(folder, 'postgres-'))
      const keep = <T>(list: T[], value: T): void => void (round >= 0 && list.push(value))
      const at = (name: string): string => join(dir, name)
      const source = await server.freshDatabase()
      const store = (dsn: string, signing: boolean) =>
        runCase<PostgresStoredParams, PostgresStoredResult>('postgres-stored', {
          dsn,
          folder: at(signing ? 'signed' : 'unsigned'),
          rows,
          signing,
        })
      keep(rounds.stored, await store(source, true))
      keep(rounds.unsigned, await store(await server.freshDatabase(), false))
      const target = await server.freshDatabase()
      keep(
        rounds.copied,
        await runCase<PostgresCopyParams, PostgresCopyResult>('postgres-copy', {
          source,
          target,
          folder: dir,
          rows,
        }),
      )
      keep(
        rounds.caughtUp,
        await runCase<CatchUpParams, CatchUpResult>('postgres-catch-up', { folder: at('down'), rows }),
      )
      keep(
        rounds.swept,
        await runCase<PostgresSweepParams, PostgresSweepResult>('postgres-sweep', {
          dsn: await server.freshDatabase(),
          folder: at('swept'),
          rows,
        }),
      )
      if (round === scale.rounds - 1)
        verify = await runCase<PostgresVerifyParams, PostgresVerifyResult>('postgres-verify', {
          dsn: source,
          rounds: Math.max(3, scale.rounds),
        })
      await server.dropDatabases()
      rmSync(dir, { recursive: true })
    }
    if (verify === undefined) throw new TypeError('a run needs at least one round')
    return { ...rounds, verify }
  } finally {
    await server.remove()
  }
}

export function postgresTable({ stored, unsigned, copied, caughtUp, swept, verify }: PostgresRounds): string {
  const rate = (list: readonly { readonly rowsPerSecond: number }[]): string =>
    figure(medianOf(list.map((each) => each.rowsPerSecond)))
  return [
    table(
      ['rows into Postgres, synchronous_commit on', 'rows/s'],
      [
        ['fasten, emit until stored (chained, hashed, indexed, signed)', rate(stored)],
        ['fasten, the same without checkpoints', rate(unsigned)],
        ['fasten, after an outage: from the server’s return until all is stored', rate(caughtUp)],
        [
          `${copied[0]?.way ?? 'COPY'} of the same rows, one transaction (same table and indices)`,
          rate(copied),
        ],
      ],
    ),
    table(
      ['rows past their time, in Postgres', 'rows/s'],
      [
        [
          'fasten retention run (hash kept, sweep on record), program start included',
          figure(medianOf(swept.map((each) => each.swept))),
        ],
        [
          'DELETE and VACUUM of the same rows, one index',
          figure(medianOf(swept.map((each) => each.deleted))),
        ],
        ['DROP TABLE of a partition that holds them', figure(medianOf(swept.map((each) => each.dropped)))],
      ],
    ),
    table(
      ['verification of the store in Postgres, one thread', 'rows/s'],
      [
        ['SHA-256 of the same bytes, nothing else', figure(medianOf(verify.hashing))],
        [
          'fasten, in the store: hash, form, place, link, order, every column',
          figure(medianOf(verify.store)),
        ],
      ],
    ),
  ].join('\n\n')
}

export function postgresGoals({ stored, unsigned, copied, caughtUp }: PostgresRounds): readonly Goal[] {
  const rates = (list: readonly { readonly rowsPerSecond: number }[]): number[] =>
    list.map((each) => each.rowsPerSecond)
  const goal = (id: string, text: string, limit: number, found: Ratio, unit = '×'): Goal => ({
    id,
    text,
    sense: '≥',
    limit,
    unit,
    found,
  })
  return [
    goal(
      'P3',
      'stored rows/s in Postgres beside COPY of the same rows',
      0.9,
      pairedRatio(rates(stored), rates(copied)),
    ),
    goal(
      'P3',
      'the same beside storing without checkpoints',
      0.95,
      pairedRatio(rates(stored), rates(unsigned)),
    ),
    goal(
      'P3',
      'catching up after an outage: five times 2,000 events a second',
      10_000,
      pairedRatio(
        rates(caughtUp),
        caughtUp.map(() => 1),
      ),
      'rows/s',
    ),
  ]
}
