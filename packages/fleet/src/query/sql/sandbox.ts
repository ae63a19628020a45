// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import type { Socket } from 'node:net'
import { Client, type QueryArrayConfig } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { Problem } from '../../web/problem.ts'
import type { ReadingScope } from '../reading-scope.ts'
import { checkStatement } from './statement.ts'

export interface SqlQuestion {
  readonly text: string
  readonly scope: ReadingScope
  /** Rows of the answer at most. */
  readonly rowsMax: number
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

export type SqlCell = string | number | boolean | null | object

export interface SqlAnswer {
  readonly columns: readonly { readonly name: string; readonly type: string }[]
  readonly rows: readonly (readonly SqlCell[])[]
  /** True when there were more rows than were asked for. */
  readonly is_cut: boolean
}

/** Bytes that the database may send for one answer; more ends the connection, before they are kept. */
const answerBytesMax = 16_777_216

/**
 * Runs one query of an analyst and answers its rows. The statement runs in a connection of its own, as a role that reads and nothing else, whose
 * tenants were noted by the owner before it began and that no setting can change; the connection is thrown away afterwards, and with it whatever
 * the statement may have left there.
 *
 * It cannot be held back from using processor and memory of the database until its time is over; only so many run at once. Throws `Problem`:
 * 422 for a statement that is refused or fails, 403 for what the role may not, 408 when time is over, 413 for an answer too large.
 */
export async function runSql(
  database: Pick<FleetDatabase, 'pool' | 'analystUrl'>,
  { text, scope, rowsMax, timeoutMs, signal }: SqlQuestion,
): Promise<SqlAnswer> {
  checkStatement(text)
  const client = new Client({
    connectionString: database.analystUrl,
    application_name: 'fleet analyst',
    connectionTimeoutMillis: 10_000,
  })
  // What breaks is told by the query that needed it.
  client.on('error', () => {})
  let end: 'time' | 'size' | 'gone' | undefined
  const cut = (why: NonNullable<typeof end>): void => {
    end ??= why
    socketOf(client)?.destroy()
  }
  const timer = setTimeout(() => cut('time'), timeoutMs + 2000)
  const onGone = (): void => cut('gone')
  signal.addEventListener('abort', onGone, { once: true })
  let pid: number | undefined
  try {
    await client.connect()
    await client.query(session(timeoutMs))
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    pid = rows[0]?.pid
    await register(database, pid, scope, timeoutMs)
    await client.query('BEGIN TRANSACTION READ ONLY')
    limitBytes(client, answerBytesMax, () => cut('size'))
    return await ask(client, text, rowsMax)
  } catch (error) {
    throw error instanceof Problem ? error : problemOf(error, end)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onGone)
    socketOf(client)?.destroy()
    // One that stays is worth nothing: the next session with this number is noted anew before its statement, and this one ends by itself.
    if (pid !== undefined)
      await database.pool.query('DELETE FROM fleet_analyst_sessions WHERE pid = $1', [pid])
  }
}

/** A backend whose client is gone notices within a second, whatever it computes. */
function session(timeoutMs: number): string {
  return `SET statement_timeout = ${timeoutMs}; SET lock_timeout = 1000; SET idle_in_transaction_session_timeout = 10000;
    SET client_connection_check_interval = 1000; SET work_mem = '16MB'; SET hash_mem_multiplier = 1; SET max_parallel_workers_per_gather = 0;
    SET jit = off; SET search_path = fleet; SET timezone = 'UTC'; SET default_transaction_read_only = on`
}

async function register(
  { pool }: Pick<FleetDatabase, 'pool'>,
  pid: number | undefined,
  { tenants, codes }: ReadingScope,
  timeoutMs: number,
): Promise<void> {
  await pool.query(
    `INSERT INTO fleet_analyst_sessions (pid, every_tenant, tenants, codes, ends_at)
    VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5))
    ON CONFLICT (pid) DO UPDATE SET every_tenant = excluded.every_tenant, tenants = excluded.tenants, codes = excluded.codes,
      ends_at = excluded.ends_at`,
    [pid, tenants === 'all', tenants === 'all' ? [] : tenants, codes ?? null, (timeoutMs + 5000) / 1000],
  )
}

/** Around the statement, so that the grammar itself takes nothing but a query there, and no more rows are computed than are shown. */
const opening = 'SELECT * FROM (\n'

async function ask(client: Client, text: string, rowsMax: number): Promise<SqlAnswer> {
  const query: QueryArrayConfig & { readonly queryMode: string } = {
    text: `${opening}${text.replace(/;\s*$/, '')}\n) AS answer LIMIT ${rowsMax + 1}`,
    rowMode: 'array',
    queryMode: 'extended',
    // Each value as its text; what it means is decided below.
    types: { getTypeParser: () => (value: string) => value },
  }
  const { fields, rows } = await client.query<(string | null)[]>(query)
  const names = await typeNames(
    client,
    fields.map(({ dataTypeID }) => dataTypeID),
  )
  const columns = fields.map(({ name, dataTypeID }) => ({ name, type: names.get(dataTypeID) ?? 'text' }))
  return {
    columns,
    rows: rows
      .slice(0, rowsMax)
      .map((cells) => cells.map((cell, index) => cellOf(cell, columns[index]?.type ?? 'text'))),
    is_cut: rows.length > rowsMax,
  }
}

async function typeNames(client: Client, ids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const { rows } = await client.query<{ oid: number; name: string }>(
    'SELECT oid::int, format_type(oid, NULL) AS name FROM pg_type WHERE oid = ANY($1::oid[])',
    [ids],
  )
  return new Map(rows.map(({ oid, name }) => [oid, name]))
}

function cellOf(text: string | null, type: string): SqlCell {
  if (text === null) return null
  switch (type) {
    case 'boolean':
      return text === 't'
    case 'smallint':
    case 'integer':
    case 'bigint':
    case 'real':
    case 'double precision': {
      const number = Number(text)
      return Number.isSafeInteger(number) || !/^-?\d+$/.test(text)
        ? Number.isFinite(number)
          ? number
          : text
        : text
    }
    case 'json':
    case 'jsonb':
      return readJson(text) as SqlCell
    default:
      return text
  }
}

function limitBytes(client: Client, max: number, onMore: () => void): void {
  let bytes = 0
  socketOf(client)?.prependListener('data', (chunk: Buffer) => {
    bytes += chunk.length
    if (bytes > max) onMore()
  })
}

/** The driver offers no way to give up a connection at once. */
const socketOf = (client: Client): Socket | undefined =>
  (client as unknown as { readonly connection?: { readonly stream?: Socket } }).connection?.stream

function problemOf(error: unknown, end: 'time' | 'size' | 'gone' | undefined): Problem {
  const {
    code = '',
    position,
    message,
  } = error as {
    readonly code?: string
    readonly position?: string
    readonly message: string
  }
  if (end === 'size')
    return new Problem(413, 'SQL_TOO_LARGE', `the answer is larger than ${answerBytesMax} bytes`, {
      hint: 'choose columns, or LIMIT',
    })
  if (end === 'time' || code === '57014')
    return new Problem(408, 'SQL_TIMEOUT', 'the statement took longer than it may', {
      hint: 'narrow it by timestamp, which is indexed',
    })
  if (end === 'gone') return new Problem(499, 'CLIENT_GONE', 'the client closed the request')
  if (code === '42501' || code === '25006') return new Problem(403, 'SQL_FORBIDDEN', message)
  if (/^(53|57|58|08|XX)/.test(code) || !/^[0-9A-Z]{5}$/.test(code))
    return new Problem(503, 'SQL_UNAVAILABLE', 'the database does not run statements now', {
      retryAfterS: 5,
      cause: error,
    })
  const at = position === undefined ? '' : ` at character ${Math.max(1, Number(position) - opening.length)}`
  return new Problem(422, 'SQL_FAILED', `${message}${at}`)
}
