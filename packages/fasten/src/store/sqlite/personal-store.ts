// SPDX-License-Identifier: Apache-2.0
import { logName, parseLogName } from '../../core/log-name.ts'
import { FastenError } from '../../core/error.ts'
import { erasedRow, erasureFacts, type ErasedValue } from '../privacy/erasure-facts.ts'
import type { KeyStore, Tombstone } from '../privacy/key-store.ts'
import type { EraseDeed, ErasedLog, PersonalRow, PersonalStore } from '../privacy/personal-store.ts'
import { personalRowsIn } from '../privacy/waiting-person.ts'
import type { Deed } from './append.ts'
import type { SqliteConnection } from './driver.ts'
import { isPrivate } from './replacement.ts'
import { allHolds } from './retention-tables.ts'
import { createStatements } from './statements.ts'
import type { SqliteWriter } from './writer.ts'

export interface SqlitePersonalOptions {
  readonly path: string
  /** The row table of audit, whose rows alone have personal members. */
  readonly table: string
  readonly keys: KeyStore
  readonly writer: SqliteWriter
}

/** `PersonalStore` over a SQLite file. */
export function createSqlitePersonalStore({
  path,
  table,
  keys,
  writer,
}: SqlitePersonalOptions): PersonalStore {
  return {
    keys,
    plan: async (keyIds) => writer.perform(({ connection }) => told(valuesUnder(connection, table, keyIds))),
    erase: async (tombstone, deed) => writer.perform((inner) => eraseIn(inner, table, tombstone, deed)),
    positions: async (keyIds) =>
      writer.perform(({ connection }) =>
        connection
          .prepare(
            'SELECT DISTINCT position FROM fasten_disclosures WHERE key_id IN (SELECT value FROM json_each(?)) ORDER BY position',
          )
          .all(JSON.stringify(keyIds))
          .map(({ position }) => Number(position)),
      ),
    tell: async (base, own) => void writer.perform(({ appendOwn }) => appendOwn(base, own)),
    async scrub() {
      if (!isPrivate(path)) scrub(writer.connection(), path)
      return { done: [scrubbed], open: [], remaining: [] }
    },
    erased: async () => writer.perform(({ connection }) => tombstonesIn(connection)),
  }
}

const scrubbed =
  'the encrypted values and their look-ups are deleted from the database and its write-ahead log'

const factNames = ['code', 'actor', 'on_behalf_of', 'target', 'request_id', 'tenant_id', 'timestamp'] as const

type Found = ErasedValue & PersonalRow & { readonly position: number; readonly pointer: string }

/** The values under these keys that are still there, by log. */
function valuesUnder(
  connection: SqliteConnection,
  table: string,
  keyIds: readonly string[],
): ReadonlyMap<string, readonly Found[]> {
  const statement = connection.prepare(`
    SELECT ${table}.position AS position, pointer, monotonic_seq, log, ${factNames.join(', ')} FROM fasten_disclosures
    JOIN ${table} ON ${table}.position = fasten_disclosures.position
    JOIN fasten_logs ON fasten_logs.log_id = ${table}.log_id
    WHERE key_id = ? AND box IS NOT NULL ORDER BY 1, 2`)
  const found = [...new Set(keyIds)].flatMap((key_id) =>
    statement.all(key_id).map(
      (row) =>
        ({
          ...Object.fromEntries(factNames.map((name) => [name, row[name] ?? null])),
          log: String(row['log']),
          position: Number(row['position']),
          pointer: String(row['pointer']),
          monotonic_seq: Number(row['monotonic_seq']),
          key_id,
        }) as Found,
    ),
  )
  return Map.groupBy(found, ({ log }) => log)
}

function eraseIn(
  deed: Deed,
  table: string,
  tombstone: Tombstone,
  { actor, waiting = nothing, onRow }: EraseDeed = {},
): readonly ErasedLog[] {
  const { connection } = deed
  const { key_ids, subjects, basis, erased_at } = tombstone
  const subject = subjects[0] ?? ''
  const byLog = valuesUnder(connection, table, key_ids)
  if (onRow !== undefined) {
    const holds = allHolds(createStatements(connection))
    const rows = [...byLog.values(), waiting(), personalRowsIn(framesNaming(connection, subjects), subjects)]
    for (const row of rows.flat()) onRow(row, holds)
  }
  const bury = connection.prepare('INSERT OR IGNORE INTO fasten_erased_keys VALUES (?, ?, ?, ?)')
  for (const id of key_ids) bury.run(id, subject, basis, erased_at)
  const blank = connection.prepare(
    'UPDATE fasten_disclosures SET box = NULL, lookup = NULL WHERE position = ? AND pointer = ?',
  )
  for (const values of byLog.values())
    for (const { position, pointer } of values) blank.run(position, pointer)
  for (const [log, values] of byLog) {
    const parts = parseLogName(log)
    if (parts === undefined) continue
    const base = logName({ ...parts, generation: 1 })
    for (const facts of erasureFacts(log, { subject, basis, erased_at }, values))
      deed.appendOwn(base, erasedRow(subject, facts, actor))
  }
  return told(byLog)
}

/** What waits in the outbox and may be about these subjects. */
function framesNaming(connection: SqliteConnection, subjects: readonly string[]): readonly Uint8Array[] {
  return connection
    .prepare(
      `SELECT frame FROM fasten_outbox
      WHERE EXISTS (SELECT 1 FROM json_each(?) WHERE instr(frame, CAST(value AS BLOB)) > 0)`,
    )
    .all(JSON.stringify(subjects))
    .map(({ frame }) => frame as Uint8Array)
}

const nothing = (): readonly PersonalRow[] => []

function told(byLog: ReadonlyMap<string, readonly Found[]>): readonly ErasedLog[] {
  return [...byLog]
    .map(([log, values]) => ({
      log,
      rows: new Set(values.map(({ monotonic_seq }) => monotonic_seq)).size,
      values: values.length,
    }))
    .sort((one, other) => (one.log < other.log ? -1 : 1))
}

function tombstonesIn(connection: SqliteConnection): readonly Tombstone[] {
  const rows = connection
    .prepare('SELECT key_id, subject, basis, erased_at FROM fasten_erased_keys ORDER BY erased_at, key_id')
    .all()
  const groups = Map.groupBy(rows, (row) => JSON.stringify([row['subject'], row['basis'], row['erased_at']]))
  return [...groups.values()].map((group) => ({
    tenant: '',
    subjects: [String(group[0]?.['subject'])],
    key_ids: group.map(({ key_id }) => String(key_id)),
    basis: String(group[0]?.['basis']),
    erased_at: String(group[0]?.['erased_at']),
  }))
}

/**
 * Old pages may hold what was erased: in the file, which is written anew, and in the write-ahead log, which is emptied. Both need
 * everybody's reading to pause for a moment; a reader that holds an old snapshot is waited for as long as the connection waits for
 * locks.
 */
function scrub(connection: SqliteConnection, path: string): void {
  // Where somebody ran ANALYZE with a SQLite that samples indices, it has look-ups in it. The planner does without.
  const samples = connection.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat4'").get()
  if (samples !== undefined) connection.exec("DELETE FROM sqlite_stat4 WHERE tbl = 'fasten_disclosures'")
  connection.exec('PRAGMA secure_delete = ON; VACUUM;')
  const outcome = connection.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()
  if (Number(outcome?.['busy'] ?? 1) === 0) return
  throw new FastenError('ERASURE_INCOMPLETE', 'a reader still holds pages from before the erasure', {
    at: path,
    hint: 'end long-running readers of the file and run the erasure again: what is left will be removed then',
  })
}
