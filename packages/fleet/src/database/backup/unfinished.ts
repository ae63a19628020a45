// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import type { PoolClient } from 'pg'
import { fleetSchema } from '../lay-fleet.ts'

/** A table that stands in the schema from the first step of a restore until everything in it was verified. */
export const unfinishedTable = 'fleet_restore'
const mark = `${fleetSchema}.${unfinishedTable}`

/** Throws FastenError `FLEET_RESTORE_UNFINISHED` while a restore fills this schema, or after one that did not come to its end. */
export async function refuseUnfinished(sql: PoolClient): Promise<void> {
  if (await isUnfinished(sql))
    throw new FastenError(
      'FLEET_RESTORE_UNFINISHED',
      'a restore into this database has not come to its end',
      {
        at: `schema ${fleetSchema}`,
        hint: 'wait for it; if it is no longer running, run fleet restore again: it begins anew',
      },
    )
}

export async function isUnfinished(sql: PoolClient): Promise<boolean> {
  const { rows } = await sql.query<{ there: boolean }>('SELECT to_regclass($1) IS NOT NULL AS there', [mark])
  return rows[0]?.there === true
}

export async function markUnfinished(sql: PoolClient): Promise<void> {
  await sql.query(`CREATE TABLE ${mark} (begun_at timestamptz NOT NULL DEFAULT clock_timestamp())`)
}

export async function markFinished(sql: Pick<PoolClient, 'query'>): Promise<void> {
  await sql.query(`DROP TABLE ${mark}`)
}
