// SPDX-License-Identifier: Apache-2.0
import { newestGenerations } from '../newest-generations.ts'
import type { CheckpointQuery, CheckpointStore, LogHead, StoredCheckpoint } from '../ports.ts'
import { checkpointColumns, checkpointFrom } from '../seal/stored-checkpoint.ts'
import type { Deed } from './append.ts'
import type { SqliteConnection } from './driver.ts'
import { logNamed, logsOf } from './evidence.ts'
import { hasTable } from './migrate.ts'
import type { Statements } from './statements.ts'
import type { StreamName } from '../../core/row.ts'

export type ReadTables = ReadonlyMap<StreamName, string>

/** Checkpoints of the logs in `tables`, by name and then the largest first. */
export function readCheckpoints(
  { prepare }: Statements,
  tables: ReadTables,
  { log, size, sizeMax, limit = 1e9 }: CheckpointQuery,
): readonly StoredCheckpoint[] {
  const found = [...tables.values()].flatMap((table) => {
    if (log === undefined)
      return prepare(
        `SELECT ${checkpointColumns}, max(size) FROM fasten_checkpoints WHERE table_name = ? GROUP BY log`,
      ).all(table)
    const [only, ...bound] =
      size !== undefined ? ['AND size = ?', size] : sizeMax !== undefined ? ['AND size <= ?', sizeMax] : ['']
    return prepare(
      `SELECT ${checkpointColumns} FROM fasten_checkpoints WHERE table_name = ? AND log = ? ${only} ORDER BY size DESC LIMIT ?`,
    ).all(table, log, ...bound, limit)
  })
  return found.map(checkpointFrom)
}

/** The `hash` columns from `from` on, ending at the first that is missing. */
export function readLeafHashes(
  statements: Statements,
  tables: ReadTables,
  log: string,
  from: number,
  to: number,
): readonly string[] {
  for (const [stream, table] of tables) {
    const known = logNamed(statements, stream, table, log)
    if (known === undefined) continue
    const bound = [known.logId, from, to]
    const within = 'WHERE log_id = ? AND monotonic_seq >= ? AND monotonic_seq < ?'
    // An expired row has left its hash.
    const expired = hasTable(statements, 'fasten_expired')
      ? `UNION ALL SELECT monotonic_seq, lower(hex(hash)), position FROM fasten_expired ${within}`
      : ''
    const cells = statements
      .prepareArrays(
        `SELECT monotonic_seq, hash, position FROM ${table} ${within} ${expired}
         ORDER BY monotonic_seq, position LIMIT ?`,
      )
      .all(...bound, ...(expired === '' ? [] : bound), hashesMax)
    const hole = cells.findIndex(
      ([seq, hash], index) => Number(seq) !== from + index || typeof hash !== 'string',
    )
    return (hole < 0 ? cells : cells.slice(0, hole)).map(([, hash]) => String(hash))
  }
  return []
}

/** Logs that declare the key, and how many rows of each are signed. */
export function readDeclaring(
  statements: Statements,
  tables: ReadTables,
  publicKey: string,
): readonly (LogHead & { readonly signed: number })[] {
  return [...tables].flatMap(([stream, table]) => {
    const newest = statements.prepare(
      'SELECT max(size) AS size FROM fasten_checkpoints WHERE table_name = ? AND log = ?',
    )
    const declared = new Set(
      statements
        .prepare('SELECT log FROM fasten_logs WHERE table_name = ? AND instr(public_keys, ?) > 0')
        .all(table, publicKey)
        .map(({ log }) => String(log)),
    )
    return newestGenerations(logsOf(statements, stream, table))
      .filter(({ log }) => declared.has(log))
      .map(({ log, size, head_hash }) => {
        const signed = Number(newest.get(table, log)?.['size'] ?? 0)
        return { log, stream, size, head_hash, signed }
      })
  })
}

/** The writing half, over transactions of the writer. */
export function checkpointStore(
  perform: <T>(work: (deed: Deed) => T) => T,
  declaring: (publicKey: string) => Promise<readonly (LogHead & { readonly signed: number })[]>,
  tableOf: (log: string) => string,
): CheckpointStore {
  return {
    put: async (checkpoints) => perform(({ connection }) => putAll(connection, checkpoints, tableOf)),
    thin: async (log, before) => perform(({ connection }) => thin(connection, tableOf(log), log, before)),
    declaring,
    unsealed: async (publicKey) => (await declaring(publicKey)).filter(({ size, signed }) => size > signed),
    appendOwn: async (base, own, declares) => perform(({ appendOwn }) => appendOwn(base, own, declares)),
  }
}

function putAll(
  connection: SqliteConnection,
  checkpoints: readonly StoredCheckpoint[],
  tableOf: (log: string) => string,
): void {
  const insert = connection.prepare(`
    INSERT INTO fasten_checkpoints (table_name, ${checkpointColumns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (table_name, log, size) DO UPDATE
    SET note = excluded.note, cosignatures = excluded.cosignatures, root = excluded.root, frontier = excluded.frontier
    WHERE excluded.cosignatures > cosignatures`)
  for (const { log, size, root, frontier, note, signed_at, cosignatures } of checkpoints)
    insert.run(tableOf(log), log, size, root, frontier.join(' '), note, signed_at, cosignatures)
}

function thin(connection: SqliteConnection, table: string, log: string, before: string): void {
  connection
    .prepare(
      `DELETE FROM fasten_checkpoints WHERE table_name = ? AND log = ? AND signed_at < ? AND cosignatures = 0
       AND size NOT IN (
         SELECT max(size) FROM fasten_checkpoints WHERE table_name = ? AND log = ? GROUP BY substr(signed_at, 1, 13))`,
    )
    .run(table, log, before, table, log)
}

/** Rows of one answer. */
const hashesMax = 65_536
