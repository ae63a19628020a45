// SPDX-License-Identifier: Apache-2.0
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import type { StoreTarget } from '../../store/open.ts'
import type { OutboxPlace } from '../../store/ports.ts'
import { buildOf, buildQuery, buildText } from '../../store/sqlite/build.ts'
import type { AsyncClient, SyncClient, TransactionClient } from './client.ts'

export interface OutboxInsertParts {
  readonly target: StoreTarget
  /** From the drainer; resolving says that the tables are there. */
  readonly place: () => Promise<OutboxPlace>
  /** Canonical timestamp of now. */
  readonly now: () => string
}

/**
 * One row into the outbox, in the transaction of `client`. When it returns (a synchronous client) or has resolved, the transaction
 * holds the row. Throws or rejects with a FastenError when that database is not the store's (`OUTBOX_ELSEWHERE`), has no outbox
 * (`OUTBOX_MISSING`), does not let this user write into it (`OUTBOX_FORBIDDEN`), or is reached through another copy of SQLite
 * (`SQLITE_COPIES`); what else the database says, it says itself, so that an application can tell a conflict that is worth a retry.
 */
export type OutboxInsert = (client: TransactionClient, key: string, frame: Uint8Array) => Promise<void> | void

export function createOutboxInsert(parts: OutboxInsertParts): OutboxInsert {
  const { dsn } = parts.target
  if (dsn.kind === 'sqlite') return sqliteInsert(parts, dsn.isMemory ? undefined : resolve(dsn.path))
  return postgresInsert(parts)
}

function sqliteInsert({ target, now }: OutboxInsertParts, path: string | undefined): OutboxInsert {
  const checked = new WeakSet<object>()
  const statements = new WeakMap<object, ReturnType<SyncClient['connection']['prepare']>>()
  const driver = target.driver ?? 'node:sqlite'
  let ownBuild: string | undefined

  /** Whether the connection leads to the store's own file, through the copy of SQLite that the drainer uses. */
  function check(kind: string, row: Readonly<Record<string, unknown>> | undefined): void {
    if (path === undefined) throw elsewhere('the store is in memory, where no transaction reaches it')
    ownBuild ??= buildOf(driver)
    if (buildText(row) !== ownBuild)
      throw new FastenError(
        'SQLITE_COPIES',
        `the transaction reaches SQLite through another library (${kind}) than fasten (${driver}); two copies in one process do not see each other's locks and would damage the file`,
        { at: path, hint: 'set FASTEN_SQLITE_DRIVER to the library that the application uses' },
      )
    const file = typeof row?.['file'] === 'string' ? row['file'] : ''
    if (!isSameFile(file, path))
      throw elsewhere(
        `the transaction is on "${file === '' ? 'a database in memory' : file}", the store in "${path}"`,
      )
    if (Number(row?.['outboxes']) === 0) throw missing(path)
  }

  function insertNow({ kind, connection }: SyncClient, key: string, frame: Uint8Array): void {
    if (!checked.has(connection)) {
      check(kind, connection.prepare(checkQuery).get() as Readonly<Record<string, unknown>> | undefined)
      checked.add(connection)
    }
    let statement = statements.get(connection)
    if (statement === undefined) {
      statement = connection.prepare(sqliteStatement)
      statements.set(connection, statement)
    }
    statement.run(key, frame, now())
  }

  async function insert(client: AsyncClient, key: string, frame: Uint8Array): Promise<void> {
    const [row] = await client.rows(checkQuery).catch((cause: unknown) => {
      throw elsewhere(`the transaction (${client.kind}) is not on SQLite, where the store is`, cause)
    })
    check(client.kind, row)
    await client.run(sqliteStatement, [key, frame, now()])
  }

  return (client, key, frame) => {
    if (client.isSync) return insertNow(client, key, frame)
    if (client.kind === 'pg') throw elsewhere('the transaction is on Postgres, the store in a SQLite file')
    return insert(client, key, frame)
  }
}

/** One round trip: that the database is the store's is a constraint of the table, which knows the store's id. */
function postgresInsert({ place }: OutboxInsertParts): OutboxInsert {
  let known: OutboxPlace | undefined
  return (client, key, frame) => {
    if (client.isSync) throw elsewhere(`the transaction is on SQLite (${client.kind}), the store in Postgres`)
    // Sent in this turn where the id is known, so that it stands in the connection's queue before a COMMIT that nobody waited with.
    return known === undefined ? first(client, key, frame) : send(client, key, frame, known)
  }

  async function first(client: AsyncClient, key: string, frame: Uint8Array): Promise<void> {
    known = await place()
    await send(client, key, frame, known)
  }

  async function send(
    client: AsyncClient,
    key: string,
    frame: Uint8Array,
    { store_id, table }: OutboxPlace,
  ): Promise<void> {
    const places = client.placeholders === 'of_engine' ? '$1, $2, $3' : '?, ?, ?'
    try {
      await client.run(`INSERT INTO ${table} (key, store_id, frame) VALUES (${places})`, [
        key,
        store_id,
        frame,
      ])
    } catch (error) {
      throw postgresFault(error, table)
    }
  }
}

const sqliteStatement = 'INSERT INTO fasten_outbox (key, frame, at) VALUES (?, ?, ?)'
const checkQuery = `SELECT build.*,
  (SELECT file FROM pragma_database_list WHERE name = 'main') AS file,
  (SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'fasten_outbox') AS outboxes
  FROM (${buildQuery}) AS build`

function postgresFault(error: unknown, table: string): unknown {
  switch (sqlStateOf(error)) {
    case '23514':
      return elsewhere('the transaction is on a database with another store', error)
    case '42P01':
    case '3F000':
      return elsewhere(`the database of the transaction has no table ${table}`, error)
    case '42501':
      return new FastenError('OUTBOX_FORBIDDEN', `the user of the transaction may not insert into ${table}`, {
        at: table,
        hint: `GRANT INSERT ON ${table} TO the application's role`,
        cause: error,
      })
    default:
      return error
  }
}

/** Postgres's SQLSTATE, wherever the library has put the driver's error. */
export function sqlStateOf(error: unknown): string | undefined {
  for (let at: unknown = error, depth = 0; typeof at === 'object' && at !== null && depth < 5; depth++) {
    const { code, meta, driverError, cause } = at as {
      readonly code?: unknown
      readonly meta?: { readonly code?: unknown } | null
      readonly driverError?: unknown
      readonly cause?: unknown
    }
    for (const state of [meta?.code, code])
      if (typeof state === 'string' && /^[0-9A-Z]{5}$/.test(state) && state !== 'EPIPE') return state
    at = driverError ?? cause
  }
  return undefined
}

function isSameFile(one: string, other: string): boolean {
  if (one === '') return false
  try {
    const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })]
    return a.ino === b.ino && a.dev === b.dev
  } catch (error) {
    // A file that is gone is not the other one.
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}

function elsewhere(message: string, cause?: unknown): FastenError {
  return new FastenError('OUTBOX_ELSEWHERE', message, {
    at: 'emit(tx, event)',
    hint: 'event and change commit together only in one database: let FASTEN_AUDIT_DSN name the one that the application writes to',
    ...(cause === undefined ? {} : { cause }),
  })
}

function missing(path: string): FastenError {
  return new FastenError('OUTBOX_MISSING', 'the store has no outbox yet', {
    at: path,
    hint: 'the drainer makes it at the first start; wait for it once, before the first transaction: await fasten.ready()',
  })
}
