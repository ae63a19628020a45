// SPDX-License-Identifier: Apache-2.0
import type { Socket } from 'node:net'
import type { Client, ClientConfig } from 'pg'
import { FastenError } from '../../core/error.ts'
import type { PostgresAddress, SessionWish } from './address.ts'
import type { PgDriver } from './driver.ts'
import { storeFault } from './fault.ts'
import { defaultTimeouts, type Timeouts } from './timeouts.ts'

/**
 * A connection to the first host of the address that is what `wish` (or the DSN) asks for, with our session settings. The caller ends
 * it. Throws a FastenError about the last host that was tried: `STORE_UNREACHABLE`, `STORE_AUTH`, `STORE_READONLY`, …
 */
export async function connectTo(
  driver: PgDriver,
  address: PostgresAddress,
  wish: SessionWish,
  timeouts: Timeouts = defaultTimeouts,
): Promise<Client> {
  const asked = address.session ?? wish
  let fault: unknown
  // A standby is only a second choice for some: they go round again without the wish.
  for (const round of asked === 'prefer-standby' ? (['standby', 'any'] as const) : [asked]) {
    for (const candidate of address.candidates) {
      let client: Client | undefined
      try {
        client = await openClient(driver, candidate, address.mayBePlain, timeouts)
        await prepareSession(client, timeouts)
        if (await suits(client, round)) return client
        fault = unsuited(round, address.shown)
      } catch (error) {
        fault = storeFault(error, address.shown)
      }
      if (client !== undefined) await closeClient(client)
    }
  }
  throw fault
}

/** For connections that are given up: what ending says then is only an echo of what went wrong before. */
export const ignoreEnd = (): undefined => undefined

/** Ends a connection that cannot be trusted, without a word to the server, which may not be listening. */
export function dropClient(client: Client): void {
  socketOf(client)?.destroy()
}

/** Whether the process is kept alive by this connection. */
export function holdProcess(client: Client, holds: boolean): void {
  if (holds) socketOf(client)?.ref()
  else socketOf(client)?.unref()
}

/** Takes leave of the server; of one that does not answer within a second, without its consent. */
export async function closeClient(client: Client): Promise<void> {
  holdProcess(client, true)
  let timer: NodeJS.Timeout | undefined
  const patience = new Promise<void>((resolve) => (timer = setTimeout(resolve, 1000)))
  await Promise.race([client.end().catch(ignoreEnd), patience])
  clearTimeout(timer)
  dropClient(client)
}

/** The driver has no way to give up a connection at once, only one that waits for the server. */
const socketOf = (client: Client): Socket | undefined =>
  (client as unknown as { readonly connection?: { readonly stream?: Socket } }).connection?.stream

async function openClient(
  driver: PgDriver,
  candidate: ClientConfig,
  mayBePlain: boolean,
  { statementMs }: Timeouts,
): Promise<Client> {
  const config = { ...candidate, query_timeout: statementMs + 2000 }
  try {
    return await opened(driver, config)
  } catch (error) {
    const isPlain = error instanceof Error && /does not support SSL/i.test(error.message)
    if (!isPlain || !mayBePlain) throw error
    return opened(driver, { ...config, ssl: false })
  }
}

async function opened(driver: PgDriver, config: ClientConfig): Promise<Client> {
  const client = new driver.Client(config)
  // An idle connection that breaks says so here; whoever uses it next is told again by its query.
  client.on('error', ignoreEnd)
  try {
    await client.connect()
    return client
  } catch (error) {
    dropClient(client)
    throw error
  }
}

/**
 * `synchronous_commit` off would answer before the rows are safe; every other value is left as the administrator chose it. A time-out that
 * is shorter already, by the role, the database or `options` in the DSN, stays as it is.
 */
export async function prepareSession(client: Pick<Client, 'query'>, timeouts: Timeouts): Promise<void> {
  const { statementMs, lockMs, idleInTransactionMs } = timeouts
  await client.query(`
    SELECT set_config(name, ms::text, false) FROM (VALUES
      ('statement_timeout', ${statementMs}),
      ('lock_timeout', ${lockMs}),
      ('idle_in_transaction_session_timeout', ${idleInTransactionMs})) AS t (name, ms)
    JOIN pg_settings s USING (name) WHERE s.setting::bigint = 0 OR s.setting::bigint > t.ms;
    SET timezone = 'UTC';
    SET client_encoding = 'UTF8';
    SET standard_conforming_strings = on;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`)
}

async function suits(client: Client, wish: SessionWish): Promise<boolean> {
  if (wish === 'any') return true
  const { rows } = await client.query<{ standby: boolean; read_only: string }>(
    `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') AS read_only`,
  )
  const isStandby = rows[0]?.standby === true
  const isReadOnly = isStandby || rows[0]?.read_only === 'on'
  switch (wish) {
    case 'read-write':
      return !isReadOnly
    case 'read-only':
      return isReadOnly
    case 'primary':
      return !isStandby
    case 'standby':
    case 'prefer-standby':
      return isStandby
  }
}

function unsuited(wish: SessionWish, shown: string): FastenError {
  return new FastenError('STORE_READONLY', `no host of the DSN is ${wish}`, {
    at: shown,
    hint:
      wish === 'read-write'
        ? 'it is a standby or set to read only: name the primary, or all hosts with commas between them'
        : 'check target_session_attrs in the DSN',
  })
}
