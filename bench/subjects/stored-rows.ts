// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto'
import { DatabaseSync } from 'node:sqlite'
import type { Verdict } from 'fasten/core'
import { amountOf } from './order.ts'

/** Throws unless `database` holds exactly `count` orders, their amounts add up, and the library's own verdict on it is PASS. */
export async function checkRows(database: string, count: number): Promise<void> {
  const store = new DatabaseSync(database, { readOnly: true })
  const found = store
    .prepare(
      `SELECT count(*) AS rows, sum(leaf ->> '$.detail.amount') AS amount FROM audit_log WHERE code = 'ORDER_PLACED'`,
    )
    .get()
  store.close()
  if (found?.['rows'] !== count || (found['amount'] ?? 0) !== amountOf(count)) {
    throw new Error(
      `${database} holds ${found?.['rows']} of ${count} rows, amounts ${found?.['amount']} instead of ${amountOf(count)}`,
    )
  }
  const { verdict, rows_checked } = await verdictOf(database)
  if (verdict !== 'PASS' || rows_checked < count)
    throw new Error(`${database}: ${verdict} after ${rows_checked} of ${count} rows`)
}

/** What `fasten verify` says of the store, or of one log in it. */
export async function verdictOf(database: string, what: { readonly log?: string } = {}): Promise<Verdict> {
  // Loaded now, so that what is measured before does not carry the reading half along.
  const [{ localReader }, { openForReading }] = await Promise.all([
    import('fasten/reader'),
    import('fasten/store'),
  ])
  const store = await openForReading(database)
  const reader = localReader({
    sources: { streams: { audit: store, sys: store, api: store } },
    digest: (bytes) => hash('sha256', bytes, 'hex'),
    clock: { nowMicros: () => Date.now() * 1000 },
  })
  try {
    return await reader.verify(what)
  } finally {
    await reader.close()
    await store.close()
  }
}
