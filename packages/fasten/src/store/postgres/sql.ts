// SPDX-License-Identifier: Apache-2.0
import type { Client, QueryResult } from 'pg'
import { ignoreEnd } from './connect.ts'

/** A cell as it comes from the server: 64-bit integers as text, because a number could not hold them all. */
export type SqlCell = string | number | boolean | Buffer | null
export type SqlRecord = Readonly<Record<string, SqlCell>>

/** One connection, as everything here uses it. */
export interface Sql {
  /** Rows as objects. With `name` the statement is prepared once per connection under that name. */
  run(text: string, values?: readonly unknown[], name?: string): Promise<readonly SqlRecord[]>
  /** Rows as arrays of cells. */
  arrays(text: string, values?: readonly unknown[]): Promise<readonly (readonly SqlCell[])[]>
  /**
   * The same of a statement that is asked often in the same words: the server reads and plans it once per connection, which with many
   * partitions takes longer than a page of rows.
   */
  prepared(text: string, values: readonly unknown[]): Promise<readonly (readonly SqlCell[])[]>
  /** Rows that a statement changed. */
  change(text: string, values?: readonly unknown[], name?: string): Promise<number>
  /** Begins a transaction that sees what others commit meanwhile; answers its UTC date by the server's clock, `YYYY-MM-DD`. */
  begin(): Promise<string>
  /** Commits; throws unless the server says that it did: a transaction that failed before answers COMMIT with a rollback. */
  commit(): Promise<void>
  /** Ends the transaction without keeping it. Never throws: a connection that cannot do even that is dropped by its owner. */
  rollback(): Promise<void>
  /** For what goes beyond queries, such as COPY. */
  readonly client: Client
}

export function sqlOf(client: Client): Sql {
  const names = new Map<string, string>()

  async function arrays(
    text: string,
    values?: readonly unknown[],
    name?: string,
  ): Promise<readonly (readonly SqlCell[])[]> {
    const { rows } = await client.query<SqlCell[]>({ ...queryOf(text, values, name), rowMode: 'array' })
    return rows
  }

  return {
    client,
    arrays: (text, values) => arrays(text, values),
    prepared(text, values) {
      const name = names.get(text) ?? `fasten_prepared_${names.size}`
      names.set(text, name)
      return arrays(text, values, name)
    },
    async run(text, values, name) {
      const { rows } = await client.query<SqlRecord>(queryOf(text, values, name))
      return rows
    },
    async change(text, values, name) {
      const { rowCount } = await client.query(queryOf(text, values, name))
      return rowCount ?? 0
    },
    async begin() {
      // Two statements in one message: a batch is a handful of messages, and each waits for the network.
      const answers = (await client.query(
        "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE; SELECT (now() AT TIME ZONE 'UTC')::date::text AS today",
      )) as unknown as readonly QueryResult<{ readonly today: string }>[]
      const today = answers[1]?.rows[0]?.today
      if (today === undefined) throw new TypeError('the server did not say which day it is')
      return today
    },
    async commit() {
      const { command } = await client.query('COMMIT')
      if (command !== 'COMMIT') throw new TypeError(`COMMIT was answered with ${command}`)
    },
    async rollback() {
      await client.query('ROLLBACK').catch(ignoreEnd)
    },
  }
}

function queryOf(text: string, values: readonly unknown[] | undefined, name?: string) {
  return {
    text,
    ...(values === undefined ? {} : { values: [...values] }),
    ...(name === undefined ? {} : { name }),
  }
}
