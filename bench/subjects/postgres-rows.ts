// SPDX-License-Identifier: Apache-2.0
import { Client } from 'pg'
import { amountOf } from './order.ts'
import { verdictOf } from './stored-rows.ts'

/** The rows of one statement, on a connection of its own. */
export async function ask(dsn: string, sql: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: dsn })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}

/** Throws unless the database holds exactly `count` orders and their amounts add up. */
export async function countPostgresRows(dsn: string, count: number): Promise<void> {
  const [found] = await ask(
    dsn,
    `SELECT count(*)::int AS rows, sum((leaf::json -> 'detail' ->> 'amount')::numeric)::float8 AS amount
     FROM audit_log WHERE code = 'ORDER_PLACED'`,
  )
  if (found?.['rows'] !== count || Math.abs(Number(found['amount']) - amountOf(count)) > 1e-6 * count)
    throw new Error(
      `${found?.['rows']} of ${count} rows, amounts ${String(found?.['amount'])} instead of ${amountOf(count)}`,
    )
}

/** The same, and the library's own verdict is PASS. */
export async function checkPostgresRows(dsn: string, count: number): Promise<void> {
  await countPostgresRows(dsn, count)
  const { verdict, rows_checked } = await verdictOf(dsn)
  if (verdict !== 'PASS' || rows_checked < count)
    throw new Error(`${verdict} after ${rows_checked} of ${count} rows`)
}
