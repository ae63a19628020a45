// SPDX-License-Identifier: Apache-2.0
/**
 * The transaction an application hands to `emit(tx, …)`, whichever library it comes from.
 *
 * Nothing is imported: each library is known by what its transactions expose, and each kind says how one parameterised statement is sent
 * through it. A handle that leads to some connection of a pool, and so not into the transaction, is refused.
 */

export type SqlCell = string | Uint8Array

/** A transaction in progress. */
export type TransactionClient = SyncClient | AsyncClient

/** SQLite in this process: what was asked is done when the call returns. */
export interface SyncClient {
  readonly kind: 'node:sqlite' | 'better-sqlite3'
  readonly isSync: true
  /** The connection: the same object for all transactions on it. */
  readonly connection: SqliteLike
}

export interface AsyncClient {
  readonly kind: 'pg' | 'Drizzle' | 'Kysely' | 'Knex' | 'TypeORM' | 'Prisma'
  readonly isSync: false
  /** Knex writes `?` for every engine; the others write what their engine does. */
  readonly placeholders: 'of_engine' | 'question_marks'
  run(sql: string, values: readonly SqlCell[]): Promise<unknown>
  /** Rows of a SELECT. */
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}

export interface SqliteLike {
  prepare(sql: string): {
    run(...values: readonly unknown[]): unknown
    get(...values: readonly unknown[]): unknown
  }
}

/**
 * What `tx` is. Throws a `TypeError` that names what was handed in and what can be: it is a mistake in the program, and it happens at
 * its first run.
 */
export function recognise(tx: unknown): TransactionClient {
  if ((typeof tx !== 'object' && typeof tx !== 'function') || tx === null)
    throw new TypeError(`emit(tx, event): tx is ${tx === null ? 'null' : `a ${typeof tx}`}, ${expected}`)
  for (const recogniser of recognisers) {
    const client = recogniser(tx as Handle)
    if (client !== undefined) return client
  }
  const name = Object.getPrototypeOf(tx)?.constructor?.name as string | undefined
  throw new TypeError(`emit(tx, event): tx is ${name ? `of class ${name}` : 'an object'}, ${expected}`)
}

const expected =
  'not a transaction that fasten knows: a client of pg, a database of node:sqlite or better-sqlite3, or the transaction that Drizzle, Kysely, ' +
  'Knex, TypeORM (EntityManager, QueryRunner) or Prisma hands to its callback'

/** What anybody may have handed in: every member is looked at before it is used. */
type Handle = { readonly [member: string]: unknown }
type Call = (...values: readonly unknown[]) => unknown

const isCall = (value: unknown): value is Call => typeof value === 'function'
const isHandle = (value: unknown): value is Handle =>
  (typeof value === 'object' || typeof value === 'function') && value !== null
const call = (on: Handle, name: string, ...values: readonly unknown[]): unknown => {
  const method = on[name]
  if (!isCall(method)) throw new TypeError(`emit(tx, event): tx has no ${name}()`)
  return Reflect.apply(method, on, values)
}

/** In this order: a handle of a library may also carry what an earlier test looks for. */
const recognisers: readonly ((tx: Handle) => TransactionClient | undefined)[] = [
  prisma,
  knex,
  kysely,
  typeOrm,
  drizzle,
  sqlite,
  pg,
]

function notTransaction(kind: string, what: string, instead: string): TypeError {
  return new TypeError(`emit(tx, event): tx is ${what} of ${kind}, not a transaction; hand in ${instead}`)
}

function prisma(tx: Handle): AsyncClient | undefined {
  if (!isCall(tx['$executeRawUnsafe']) || !isCall(tx['$queryRawUnsafe'])) return undefined
  if (isCall(tx['$connect']))
    throw notTransaction('Prisma', 'the client', 'what $transaction(async (tx) => …) hands to its callback')
  return {
    kind: 'Prisma',
    isSync: false,
    placeholders: 'of_engine',
    run: async (sql, values) => call(tx, '$executeRawUnsafe', sql, ...values),
    rows: async (sql) => rowsOf(await call(tx, '$queryRawUnsafe', sql)),
  }
}

function knex(tx: Handle): AsyncClient | undefined {
  if (!isCall(tx) || !isCall(tx['raw']) || !isCall(tx['transaction']) || !isHandle(tx['client']))
    return undefined
  if (tx['isTransaction'] !== true)
    throw notTransaction('Knex', 'the pool', 'what knex.transaction(async (trx) => …) hands to its callback')
  return {
    kind: 'Knex',
    isSync: false,
    placeholders: 'question_marks',
    run: async (sql, values) => call(tx, 'raw', sql, values),
    rows: async (sql) => rowsOf(await call(tx, 'raw', sql)),
  }
}

function kysely(tx: Handle): AsyncClient | undefined {
  if (!isCall(tx['executeQuery']) || !isCall(tx['getExecutor']) || !('isTransaction' in tx)) return undefined
  if (tx['isTransaction'] !== true)
    throw notTransaction(
      'Kysely',
      'the instance',
      'what db.transaction().execute(async (trx) => …) hands to its callback',
    )
  // A compiled query is plain data, so none of Kysely is needed to make one.
  const compiled = (sql: string, parameters: readonly SqlCell[]) => ({
    sql,
    parameters,
    query: { kind: 'RawNode', sqlFragments: [sql], parameters: [] },
    queryId: { queryId: 'fasten' },
  })
  return {
    kind: 'Kysely',
    isSync: false,
    placeholders: 'of_engine',
    run: async (sql, values) => call(tx, 'executeQuery', compiled(sql, values)),
    rows: async (sql) => rowsOf(await call(tx, 'executeQuery', compiled(sql, []))),
  }
}

function typeOrm(tx: Handle): AsyncClient | undefined {
  const isManager = isCall(tx['getRepository']) && isCall(tx['query']) && isCall(tx['transaction'])
  const runner = isManager ? tx['queryRunner'] : tx
  if (!isManager && !(isCall(tx['startTransaction']) && isCall(tx['query']))) return undefined
  if (!isHandle(runner) || runner['isTransactionActive'] !== true)
    throw notTransaction(
      'TypeORM',
      isManager ? 'an EntityManager without transaction' : 'a QueryRunner without transaction',
      'what dataSource.transaction(async (manager) => …) hands to its callback, or a QueryRunner after startTransaction()',
    )
  return {
    kind: 'TypeORM',
    isSync: false,
    placeholders: 'of_engine',
    run: async (sql, values) => call(runner, 'query', sql, values),
    rows: async (sql) => rowsOf(await call(runner, 'query', sql)),
  }
}

function drizzle(tx: Handle): TransactionClient | undefined {
  const { session, dialect } = tx
  if (!isHandle(session) || !isHandle(dialect) || !isCall(session['prepareQuery'])) return undefined
  if (!isCall(tx['rollback']))
    throw notTransaction('Drizzle', 'the database', 'what db.transaction((tx) => …) hands to its callback')
  // On a synchronous driver nothing may be awaited, so its own connection is used.
  if (isHandle(session['client'])) {
    const direct = sqlite(session['client'])
    if (direct !== undefined) return direct
  }
  // How many arguments a session's prepareQuery takes differs by engine; what is left out is undefined in each.
  const prepared = (sql: string, params: readonly SqlCell[]): Handle =>
    call(session, 'prepareQuery', { sql, params }, undefined, undefined, false) as Handle
  return {
    kind: 'Drizzle',
    isSync: false,
    placeholders: 'of_engine',
    run: async (sql, values) => call(prepared(sql, values), 'execute'),
    rows: async (sql) => rowsOf(await call(prepared(sql, []), 'execute')),
  }
}

function sqlite(tx: Handle): SyncClient | undefined {
  if (!isCall(tx['prepare']) || !isCall(tx['exec'])) return undefined
  const connection = tx as unknown as SqliteLike
  if (isCall(tx['pragma'])) return { kind: 'better-sqlite3', isSync: true, connection }
  return 'isTransaction' in tx || isCall(tx['applyChangeset'])
    ? { kind: 'node:sqlite', isSync: true, connection }
    : undefined
}

function pg(tx: Handle): AsyncClient | undefined {
  if (!isCall(tx['query']) || !isCall(tx['connect'])) return undefined
  if ('totalCount' in tx || 'idleCount' in tx)
    throw notTransaction('pg', 'a pool', 'the client of pool.connect() on which BEGIN was sent')
  return {
    kind: 'pg',
    isSync: false,
    placeholders: 'of_engine',
    run: async (sql, values) => call(tx, 'query', sql, values),
    rows: async (sql) => rowsOf(await call(tx, 'query', sql)),
  }
}

/** Some libraries answer with the rows, others with an object that has them. */
function rowsOf(answer: unknown): readonly Readonly<Record<string, unknown>>[] {
  const rows: unknown = isHandle(answer) && !Array.isArray(answer) ? answer['rows'] : answer
  return Array.isArray(rows) ? rows.filter(isHandle) : []
}
