// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { CompiledParams } from '../cases/compiled.ts'
import type { DurableParams, DurableResult } from '../cases/durable.ts'
import type { InsertParams, InsertResult } from '../cases/insert.ts'
import type { ShellParams, ShellResult } from '../cases/shell.ts'
import type { StoredParams, StoredResult } from '../cases/stored.ts'
import type { VerifyParams, VerifyResult } from '../cases/verify.ts'
import { runCase } from '../measure/child.ts'
import type { Goal } from '../measure/goals.ts'
import { hasProgram } from '../measure/machine.ts'
import { medianOf, pairedRatio, type Ratio } from '../measure/ratio.ts'
import { figure, table } from '../measure/table.ts'
import type { Scale } from './scale.ts'

/** Rows per commit that peers are tried with; the best one counts. */
const commits = [500, 2000, 10_000] as const

/** Everything about rows in SQLite, one entry for each measured round. */
export interface RowRounds {
  readonly durable: readonly DurableResult[]
  readonly durableWhileDown: readonly DurableResult[]
  readonly stored: readonly StoredResult[]
  /** Rows per second of each peer; absent where its program is not installed. */
  readonly peers: Readonly<Record<string, readonly number[]>>
  readonly verify: VerifyResult
}

export async function measureRows(scale: Scale, folder: string): Promise<RowRounds> {
  const hasShell = hasProgram('sqlite3')
  const hasCompiler = hasProgram('cc') && hasProgram('sqlite3')
  const durable: DurableResult[] = []
  const durableWhileDown: DurableResult[] = []
  const stored: StoredResult[] = []
  const peers: Record<string, number[]> = {}
  let verify: VerifyResult | undefined

  for (let round = -scale.warmRounds; round < scale.rounds; round++) {
    const dir = mkdtempSync(join(folder, 'rows-'))
    const keep = <T>(list: T[], value: T): void => void (round >= 0 && list.push(value))
    const source = join(dir, 'ours.db')
    keep(stored, await runCase<StoredParams, StoredResult>('stored', { database: source, rows: scale.rows }))
    for (const rowsPerCommit of commits) {
      const common = { source, table: 'audit_log', rowsPerCommit }
      const target = (peer: string): string => join(dir, `${peer}-${rowsPerCommit}.db`)
      const inserted = await runCase<InsertParams, InsertResult>('insert', {
        ...common,
        target: target('node'),
      })
      keep((peers[`node:sqlite, prepared, ${rowsPerCommit} a commit`] ??= []), inserted.rowsPerSecond)
      if (hasCompiler) {
        const params = { ...common, target: target('c'), program: join(folder, 'insert') }
        const compiled = await runCase<CompiledParams, Omit<InsertResult, 'cpuMicros'>>('compiled', params)
        keep((peers[`C program, prepared, ${rowsPerCommit} a commit`] ??= []), compiled.rowsPerSecond)
      }
    }
    if (hasShell) {
      for (const way of ['import', 'script'] as const) {
        const params = {
          source,
          target: join(dir, `${way}.db`),
          table: 'audit_log',
          rowsPerCommit: 2000,
          way,
        }
        const { rowsPerSecond } = await runCase<ShellParams, ShellResult>('shell', params)
        keep(
          (peers[
            way === 'import' ? 'sqlite3 shell, .import of CSV' : 'sqlite3 shell, INSERT script, 2000 a commit'
          ] ??= []),
          rowsPerSecond,
        )
      }
    }
    keep(
      durable,
      await runCase<DurableParams, DurableResult>('durable', {
        database: join(dir, 'durable.db'),
        rows: scale.rows,
        pacedMs: scale.pacedMs,
        isStoreDown: false,
      }),
    )
    keep(
      durableWhileDown,
      await runCase<DurableParams, DurableResult>('durable', {
        database: join(dir, 'down.db'),
        rows: scale.rows,
        pacedMs: scale.pacedMs,
        isStoreDown: true,
      }),
    )
    if (round === scale.rounds - 1)
      verify = await runCase<VerifyParams, VerifyResult>('verify', {
        database: source,
        rounds: Math.max(3, scale.rounds),
      })
    rmSync(dir, { recursive: true })
  }
  if (verify === undefined) throw new TypeError('a run needs at least one round')
  return { durable, durableWhileDown, stored, peers, verify }
}

export function rowTable({ durable, durableWhileDown, stored, peers, verify }: RowRounds): string {
  const ours = (pick: (each: DurableResult) => number, list = durable): string =>
    figure(medianOf(list.map(pick)))
  return [
    table(
      ['rows into SQLite, synced, sealed or plain', 'rows/s'],
      [
        ['fasten, emit until durable (in the spool, synced)', ours((each) => each.rowsPerSecond)],
        [
          'fasten, the same while the database is locked',
          ours((each) => each.rowsPerSecond, durableWhileDown),
        ],
        [
          'fasten, emit until stored (chained, hashed, indexed)',
          figure(medianOf(stored.map((each) => each.rowsPerSecond))),
        ],
        ...Object.entries(peers).map(([peer, rates]) => [
          `${peer} (same table and indices)`,
          figure(medianOf(rates)),
        ]),
      ],
    ),
    table(
      ['waiting for one row to survive power loss', 'p50 ms', 'p99 ms'],
      [
        ['fasten, durable, 1,000 a second', ours((each) => each.ackP50), ours((each) => each.ackP99)],
        [
          'fasten, the same while the database is locked',
          ours((each) => each.ackP50, durableWhileDown),
          ours((each) => each.ackP99, durableWhileDown),
        ],
        [
          'the disk itself: 4 kB appended and fdatasync',
          ours((each) => each.diskP50),
          ours((each) => each.diskP99),
        ],
      ],
    ),
    table(
      ['verification, one thread', 'rows/s'],
      [
        ['hashing the leaves, nothing else', figure(medianOf(verify.hashing))],
        ['fasten, exported leaves: hash, form, place, link, order', figure(medianOf(verify.leaves))],
        ['fasten, in the store: the same and every column', figure(medianOf(verify.store))],
      ],
    ),
  ].join('\n\n')
}

export function rowGoals({ durable, durableWhileDown, stored, peers, verify }: RowRounds): readonly Goal[] {
  const best = (prefix: string): number[] | undefined => {
    const lists = Object.entries(peers)
      .filter(([peer]) => peer.startsWith(prefix))
      .map(([, rates]) => rates)
    return lists[0]?.map((_, round) => Math.max(...lists.map((rates) => rates[round] ?? 0)))
  }
  const node = best('node:sqlite') ?? []
  const compiled = best('C program')
  const bestPeer = node.map((rate, round) =>
    Math.max(rate, compiled?.[round] ?? 0, best('sqlite3 shell')?.[round] ?? 0),
  )
  const bestGroupCommit = node.map((rate, round) => Math.max(rate, compiled?.[round] ?? 0))
  const alone = (values: readonly number[]): Ratio =>
    pairedRatio(
      values,
      values.map(() => 1),
    )
  const ack = (
    list: readonly DurableResult[],
    our: 'ackP50' | 'ackP99',
    disk: 'diskP50' | 'diskP99',
  ): Ratio =>
    pairedRatio(
      list.map((each) => each[our]),
      list.map((each) => each[disk]),
    )
  const goal = (
    id: string,
    text: string,
    sense: Goal['sense'],
    limit: number,
    found: Ratio,
    unit = '×',
  ): Goal => ({ id, text, sense, limit, unit, found })
  return [
    goal(
      'P2',
      'durable rows/s beside the best group-committed insert',
      '≥',
      3,
      pairedRatio(
        durable.map((each) => each.rowsPerSecond),
        bestGroupCommit,
      ),
    ),
    goal(
      'P2',
      'the same while the database is locked',
      '≥',
      3,
      pairedRatio(
        durableWhileDown.map((each) => each.rowsPerSecond),
        bestGroupCommit,
      ),
    ),
    goal('P2', 'durable ack p50 beside the disk’s own fdatasync', '≤', 2, ack(durable, 'ackP50', 'diskP50')),
    goal('P2', 'durable ack p99 beside the disk’s own fdatasync', '≤', 4, ack(durable, 'ackP99', 'diskP99')),
    goal(
      'P2',
      'durable ack p50 while the database is locked',
      '≤',
      2,
      ack(durableWhileDown, 'ackP50', 'diskP50'),
    ),
    goal(
      'P2',
      'durable ack p99 while the database is locked',
      '≤',
      4,
      ack(durableWhileDown, 'ackP99', 'diskP99'),
    ),
    ...(compiled === undefined
      ? [
          goal(
            'P3',
            'stored rows/s beside prepared inserts of node:sqlite (no C compiler here)',
            '≥',
            0.9,
            pairedRatio(
              stored.map((each) => each.rowsPerSecond),
              node,
            ),
          ),
        ]
      : [
          goal(
            'P3',
            'stored rows/s beside a C program inserting the same rows',
            '≥',
            0.9,
            pairedRatio(
              stored.map((each) => each.rowsPerSecond),
              compiled,
            ),
          ),
        ]),
    goal(
      'P3',
      'stored rows/s beside the fastest of all peers',
      '≥',
      0.9,
      pairedRatio(
        stored.map((each) => each.rowsPerSecond),
        bestPeer,
      ),
    ),
    goal(
      'P6',
      'verifying exported leaves beside hashing them',
      '≥',
      0.8,
      pairedRatio(verify.leaves, verify.hashing),
    ),
    goal('P6', 'verifying in the store, rows/s', '≥', 350_000, alone(verify.store), 'rows/s'),
  ]
}
