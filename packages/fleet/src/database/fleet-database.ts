// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import { Pool, type PoolClient } from 'pg'
import { alone } from './alone.ts'
import { refuseUnfinished } from './backup/unfinished.ts'
import {
  derived,
  fleetSchema,
  layFleet,
  sealKey,
  type LayOptions,
  type Role,
  type Roles,
} from './lay-fleet.ts'
import { createSeals, type Seals } from './seals/seals.ts'
import { scopeText, type TenantScope } from './tenant-scope.ts'

export { derived, fleetSchema } from './lay-fleet.ts'

/** The one database of a fleet, with the rights that each use of it has. */
export interface FleetDatabase {
  /** DSN of the owner for a fasten store: the rows lie in the schema `fleet`. */
  readonly ownerUrl: string
  /** Connections of the owner with that schema before all others, for the fleet's own tables and for storing rows. */
  readonly pool: Pool
  /** Runs `work` in one transaction of the owner; commits when it resolves, rolls back when it rejects. */
  transact<T>(work: (sql: PoolClient) => Promise<T>): Promise<T>
  /**
   * DSN of a role that reads and that row-level security binds to these tenants and, where codes are given, to audit rows of these codes: each
   * whole, or a beginning that ends in `*`. The codes of nobody (an empty list) show nothing. What it may see is noted for it in the database, however many tenants
   * that are; its session can name no other scope, since it would have to know the token of that.
   */
  readerUrl(scope: TenantScope, codes?: readonly string[]): Promise<string>
  /** DSN of a role that reads for analysts (query/sql): it sees the tenants that were noted for its session, and none before. */
  readonly analystUrl: string
  /** What tells rows of access that this fleet wrote from those that somebody slipped into the database. */
  readonly seals: Seals
  close(): Promise<void>
}

export interface FleetDatabaseOptions {
  /** Of a user who may create a schema and roles. */
  readonly url: string
  /** 32 bytes. The passwords of the reading roles come out of it, so nothing else has to keep them. */
  readonly secret: Buffer
  /** Makes fasten's own tables in the schema of this DSN; called while no other server starts. */
  readonly layRows: (ownerUrl: string) => Promise<void>
  /** As in `LayOptions`. */
  readonly onSealing?: LayOptions['onSealing']
  /** Connections of the owner at most, default 16. Each costs the database some megabytes. */
  readonly connectionsMax?: number
}

/**
 * Connects, makes or updates what is missing (schema, rows, roles, the fleet's tables) under one lock that servers which start at the same
 * time wait for, and answers what everything else works with.
 *
 * Throws FastenError `FLEET_DATABASE_UNREACHABLE`, `FLEET_SECRET_DIFFERS` when the database belongs to a fleet with another secret, and what
 * `migrateFleet` throws.
 */
export async function openFleetDatabase(options: FleetDatabaseOptions): Promise<FleetDatabase> {
  const { url, secret, layRows, onSealing, connectionsMax = 16 } = options
  const ownerUrl = ownerUrlOf(url)
  const pool = ownerPool(url, connectionsMax)
  let roles: Roles
  try {
    roles = await prepare(pool, { secret, onSealing, layRows: () => layRows(ownerUrl) })
  } catch (error) {
    await pool.end()
    throw reached(error, url)
  }
  return {
    ownerUrl,
    pool,
    async transact(work) {
      const sql = await pool.connect()
      // One that breaks between two statements says so as an event, which would end the process; the next statement says it to `work`.
      if (!sql.listeners('error').includes(heardLater)) sql.on('error', heardLater)
      try {
        await sql.query('BEGIN')
        const answer = await work(sql)
        await sql.query('COMMIT')
        sql.release()
        return answer
      } catch (error) {
        await sql.query('ROLLBACK').then(
          () => sql.release(),
          // A connection that cannot even end its transaction is given up.
          (broken: Error) => sql.release(broken),
        )
        throw error
      }
    },
    async readerUrl(scope, codes) {
      const token = await noteScope(pool, secret, scope, codes)
      return withParameters(asRole(url, roles.reader), {
        schema: fleetSchema,
        options: `-c fleet.scope=${token}`,
      })
    },
    analystUrl: asRole(url, roles.analyst),
    seals: createSeals(sealKey(secret)),
    close: () => pool.end(),
  }
}

/** DSN for a fasten store of the owner, from the DSN of the database. */
export const ownerUrlOf = (url: string): string => withParameters(url, { schema: fleetSchema })

export function ownerPool(url: string, connectionsMax: number): Pool {
  const pool = new Pool({
    connectionString: url,
    max: connectionsMax,
    connectionTimeoutMillis: 20_000,
    options: `-c search_path=${fleetSchema},public -c timezone=UTC`,
    application_name: 'fleet',
  })
  pool.on('error', () => {
    // An idle connection broke; whoever needs one next opens another, or is told by its query.
  })
  pool.on('connect', (client) => {
    client.on('error', () => {
      // One broke between two statements of somebody who holds it, and who is told by the next. Unheard, it would end this process.
    })
  })
  return pool
}

async function prepare(pool: Pool, options: LayOptions): Promise<Roles> {
  return alone(pool, async (sql) => {
    await refuseUnfinished(sql)
    await sql.query(`CREATE SCHEMA IF NOT EXISTS ${fleetSchema}`)
    return layFleet(sql, options)
  })
}

/** The token by which sessions are given this scope (0054). One for each scope, so the table grows with those that there are. */
async function noteScope(
  pool: Pool,
  secret: Buffer,
  scope: TenantScope,
  codes: readonly string[] | undefined,
): Promise<string> {
  const own = codes === undefined ? null : [...new Set(codes)].sort()
  const token = derived(secret, `scope ${JSON.stringify([scopeText(scope), own])}`)
  await pool.query(
    `INSERT INTO fleet_scopes (token_sha256, every_tenant, tenants, codes) VALUES (sha256(convert_to($1, 'UTF8')), $2, $3, $4)
    ON CONFLICT (token_sha256) DO NOTHING`,
    [token, scope === 'all', scope === 'all' ? [] : [...new Set(scope)], own],
  )
  return token
}

function asRole(url: string, { name, password }: Role): string {
  const own = new URL(url)
  own.username = name
  own.password = password
  return own.href
}

function withParameters(url: string, parameters: Readonly<Record<string, string>>): string {
  const own = new URL(url)
  for (const [name, value] of Object.entries(parameters)) own.searchParams.set(name, value)
  // libpq's URLs know no plus sign for a space.
  return own.href.replaceAll('+', '%20')
}

/** What keeps us out of a database, as a person is told it; everything else as it was. */
export function reached(error: unknown, url: string): unknown {
  const code = (error as { readonly code?: unknown }).code
  if (typeof code !== 'string' || !/^(E[A-Z]+|28...|3D000|57P0.)$/.test(code)) return error
  const { host, pathname } = new URL(url)
  return new FastenError(
    'FLEET_DATABASE_UNREACHABLE',
    `the database does not let us in: ${(error as Error).message}`,
    {
      at: `${host}${pathname}`,
      hint: 'check FLEET_DATABASE_URL, the server, and that its user may create a schema and roles',
      cause: error,
    },
  )
}

const heardLater = (): void => {
  // The statement that comes next rejects.
}
