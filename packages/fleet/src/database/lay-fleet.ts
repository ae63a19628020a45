// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto'
import { FastenError } from 'fasten'
import type { PoolClient } from 'pg'
import { migrateFleet } from './migrate.ts'
import { createSeals, sealEverything } from './seals/seals.ts'

export const fleetSchema = 'fleet'

export interface Role {
  readonly name: string
  readonly password: string
}

export interface Roles {
  readonly reader: Role
  readonly analyst: Role
}

export interface LayOptions {
  readonly secret: Buffer
  /** Makes fasten's own tables, or brings them to the newest layout. */
  readonly layRows: () => Promise<void>
  /** Whom a new store is to be, as one that is restored; default one that is drawn. */
  readonly storeId?: string
  /** Only these migrations of the fleet's own tables; default all. */
  readonly only?: ReadonlySet<string>
  /** Where those are; default this version's. */
  readonly folder?: string
  /** Asked before rows without seals are sealed, which happens once in a fleet's life; throws where it has happened. */
  readonly onSealing?: (() => void) | undefined
}

/** The schema, which is there, has everything that a fleet needs: tables, roles, policies. The caller holds off servers that start. */
export async function layFleet(
  sql: PoolClient,
  { secret, layRows, storeId, only, folder, onSealing }: LayOptions,
): Promise<Roles> {
  await layRows()
  if (storeId !== undefined) await become(sql, storeId)
  const reader = await roleFor(sql, secret, 'reader', 64)
  const analyst = await roleFor(sql, secret, 'analyst', 8)
  await limitAnalyst(sql, analyst)
  await migrateFleet(sql, {
    names: { schema: fleetSchema, reader: `"${reader.name}"`, analyst: `"${analyst.name}"` },
    andThen: { '0041-seals.sql': (step) => firstSealing(step, secret, onSealing) },
    ...(only === undefined ? {} : { only }),
    ...(folder === undefined ? {} : { folder }),
  })
  await checkSecret(sql, secret)
  return { reader, analyst }
}

/** What tells this store from others stands in its roles' names and in a bond of its outbox (store/postgres/schema.ts). */
async function become(sql: PoolClient, storeId: string): Promise<void> {
  if (!/^[0-9a-f]{16}$/.test(storeId)) throw new TypeError(`${storeId} is no id of a store`)
  await sql.query("UPDATE fasten_meta SET value = $1 WHERE key = 'store_id'", [storeId])
  await sql.query('ALTER TABLE fasten_outbox DROP CONSTRAINT fasten_outbox_store')
  await sql.query(
    `ALTER TABLE fasten_outbox ADD CONSTRAINT fasten_outbox_store CHECK (store_id = '${storeId}')`,
  )
}

/** Roles belong to the whole server, which several fleets may share: the name holds what tells this store from others. */
async function roleFor(sql: PoolClient, secret: Buffer, kind: string, connectionsMax: number): Promise<Role> {
  const { rows } = await sql.query<{ value: string }>("SELECT value FROM fasten_meta WHERE key = 'store_id'")
  const name = `fleet_${kind}_${rows[0]?.value ?? ''}`
  const password = derived(secret, `role ${name}`)
  const { rowCount } = await sql.query('SELECT 1 FROM pg_roles WHERE rolname = $1', [name])
  if (rowCount === 0)
    await sql.query(
      `CREATE ROLE "${name}" LOGIN NOINHERIT NOBYPASSRLS CONNECTION LIMIT ${connectionsMax} PASSWORD '${password}'`,
    )
  await sql.query(`ALTER ROLE "${name}" SET default_transaction_read_only = on`)
  return { name, password }
}

/**
 * Sessions of analysts share a role, so none may see what another is running, nor fill the disk with what it sorts. Only a superuser can lay
 * that down; without one, names of the system are still refused before a statement runs (query/sql/statement.ts).
 */
async function limitAnalyst(sql: PoolClient, { name }: Role): Promise<void> {
  const { rows } = await sql.query<{ is: string }>("SELECT current_setting('is_superuser') AS is")
  if (rows[0]?.is !== 'on') return
  await sql.query(`ALTER ROLE "${name}" SET track_activities = off`)
  await sql.query(`ALTER ROLE "${name}" SET temp_file_limit = '1GB'`)
}

async function checkSecret(sql: PoolClient, secret: Buffer): Promise<void> {
  const check = derived(secret, 'check')
  const { rows } = await sql.query<{ value: string }>(
    `INSERT INTO fleet_meta (key, value) VALUES ('secret_check', $1)
    ON CONFLICT (key) DO UPDATE SET value = fleet_meta.value RETURNING value`,
    [check],
  )
  if (rows[0]?.value !== check)
    throw new FastenError('FLEET_SECRET_DIFFERS', 'this database belongs to a fleet with another secret', {
      at: 'FLEET_SECRET',
      hint: 'all servers of one fleet share it: copy the file `secret` of the first one, or its FLEET_SECRET',
    })
}

/**
 * What was there before seals were is believed this once, since nobody can tell any more who wrote it; how much that was is told in the fleet's
 * log by the server that starts (server/tell-sealing.ts).
 */
async function firstSealing(
  sql: PoolClient,
  secret: Buffer,
  onSealing: LayOptions['onSealing'],
): Promise<void> {
  const counts = await sealEverything(sql, createSeals(sealKey(secret)))
  if (Object.keys(counts).length === 0) return
  onSealing?.()
  await sql.query("INSERT INTO fleet_meta (key, value) VALUES ('first_sealing', $1)", [
    JSON.stringify(counts),
  ])
}

export const sealKey = (secret: Buffer): Buffer => Buffer.from(derived(secret, 'seals'), 'base64url')

/** A secret for one purpose, which says nothing of the others. */
export function derived(secret: Buffer, purpose: string): string {
  return createHmac('sha256', secret).update(`fleet/1 ${purpose}`).digest('base64url')
}
