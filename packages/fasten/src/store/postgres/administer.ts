// SPDX-License-Identifier: Apache-2.0
import type { PostgresDsn } from '../dsn.ts'
import { readAddress } from './address.ts'
import { closeClient, connectTo } from './connect.ts'
import { loadPg } from './driver.ts'
import { storeFault } from './fault.ts'
import { resolveSchema } from './migrate.ts'
import { sqlOf, type Sql } from './sql.ts'

export interface Administration {
  readonly sql: Sql
  readonly schema: string
  /** The DSN without secrets. */
  readonly at: string
}

/** Lends a writing connection for work that is no store's: granting, looking after partitions. Throws FastenErrors. */
export async function administer<T>(
  dsn: PostgresDsn,
  work: (administration: Administration) => Promise<T>,
): Promise<T> {
  const address = readAddress(dsn.url)
  const client = await connectTo(await loadPg(), address, 'read-write')
  try {
    const sql = sqlOf(client)
    return await work({ sql, schema: await resolveSchema(sql, dsn.schema, address.shown), at: address.shown })
  } catch (error) {
    throw storeFault(error, address.shown)
  } finally {
    await closeClient(client)
  }
}
