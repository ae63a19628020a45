// SPDX-License-Identifier: Apache-2.0
import type { Pool, PoolClient } from 'pg'

/** Servers that start at once do this one after the other. */
const startLock = 7_117_001

/** Runs `work` while no server starts at this database, and while nobody else does. */
export async function alone<T>(pool: Pool, work: (sql: PoolClient) => Promise<T>): Promise<T> {
  const sql = await pool.connect()
  try {
    await sql.query('SELECT pg_advisory_lock($1)', [startLock])
    const answer = await work(sql)
    await sql.query('SELECT pg_advisory_unlock($1)', [startLock])
    sql.release()
    return answer
  } catch (error) {
    // Its lock and whatever it was in the middle of end with the connection.
    sql.release(error as Error)
    throw error
  }
}
