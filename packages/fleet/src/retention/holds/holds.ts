// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto'
import type { Fasten } from 'fasten'
import { canonicalize, formatMicros, type Clock, type JsonObject } from 'fasten/core'
import type { HeldRows, Hold } from 'fasten/store'
import { holdFrom } from 'fasten/store/replica'
import type { Pool } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { isWithin, type TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'

export interface HoldDeps {
  readonly database: FleetDatabase
  readonly fasten: Pick<Fasten, 'emit'>
  readonly clock: Clock
}

/** Every hold there is or was, oldest first. */
export async function holdsOf(sql: Pick<Pool, 'query'>): Promise<readonly Hold[]> {
  const { rows } = await sql.query<Record<string, unknown>>(
    'SELECT * FROM fasten_holds ORDER BY placed_at, hold_id',
  )
  return rows.map(holdFrom)
}

/** Whether somebody with this scope may see and govern a hold: one on rows of a tenant of theirs; one on rows of any tenant is for who sees all. */
export function isHoldWithin(scope: TenantScope, { rows }: Pick<Hold, 'rows'>): boolean {
  return rows.tenant_id === undefined ? scope === 'all' : isWithin(scope, rows.tenant_id)
}

/**
 * Rows that fit stay in this fleet from now on, whatever their time: what the node lets go, what the fleet's policy lets go, and the fleet's own rows. Told by
 * ROWS_HELD, in the same transaction; which rows are meant stands there as a hash, since a hold may name a person and that row stays for ever.
 */
export async function placeHold(
  { database, fasten, clock }: HoldDeps,
  { rows, reason, by }: { readonly rows: HeldRows; readonly reason: string; readonly by: string },
): Promise<Hold> {
  const hold: Hold = {
    hold_id: `hold-${randomBytes(6).toString('hex')}`,
    rows,
    reason,
    placed_by: by,
    placed_at: formatMicros(clock.nowMicros()),
    released_at: null,
    released_by: null,
  }
  const text = canonicalize(factsOf(rows))
  await database.transact(async (sql) => {
    await sql.query(
      'INSERT INTO fasten_holds (hold_id, held_rows, reason, placed_by, placed_at) VALUES ($1, $2, $3, $4, $5)',
      [hold.hold_id, text, reason, by, hold.placed_at],
    )
    await fasten.emit(sql, {
      code: 'ROWS_HELD',
      target: hold.hold_id,
      target_kind: 'hold',
      actor: by,
      reason,
      ...(rows.tenant_id === undefined ? {} : { tenant_id: rows.tenant_id }),
      detail: {
        by: Object.keys(factsOf(rows)),
        rows_hash: createHash('sha256').update(`${hold.hold_id}\n${text}`).digest('hex'),
      },
    })
  })
  return hold
}

/** Ends a hold. Throws `Problem` 404 for one that does not stand, or that is beyond the scope. */
export async function releaseHold(
  { database, fasten, clock }: HoldDeps,
  about: {
    readonly hold_id: string
    readonly reason: string
    readonly by: string
    readonly scope: TenantScope
  },
): Promise<Hold> {
  const { hold_id, reason, by, scope } = about
  return database.transact(async (sql) => {
    const { rows } = await sql.query<Record<string, unknown>>(
      'SELECT * FROM fasten_holds WHERE hold_id = $1 AND released_at IS NULL FOR UPDATE',
      [hold_id],
    )
    const hold = rows[0] === undefined ? undefined : holdFrom(rows[0])
    if (hold === undefined || !isHoldWithin(scope, hold))
      throw new Problem(404, 'HOLD_UNKNOWN', `no hold "${hold_id}" is in force`)
    const released = { ...hold, released_at: formatMicros(clock.nowMicros()), released_by: by }
    await sql.query('UPDATE fasten_holds SET released_at = $2, released_by = $3 WHERE hold_id = $1', [
      hold_id,
      released.released_at,
      by,
    ])
    const { tenant_id } = hold.rows
    await fasten.emit(sql, {
      code: 'ROWS_RELEASED',
      target: hold_id,
      target_kind: 'hold',
      actor: by,
      reason,
      ...(tenant_id === undefined ? {} : { tenant_id }),
    })
    return released
  })
}

/** The members given, in the order of the canonical text. */
function factsOf(rows: HeldRows): JsonObject {
  return Object.fromEntries(
    Object.entries(rows)
      .filter((entry): entry is [string, string] => typeof entry[1] === 'string')
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  )
}
