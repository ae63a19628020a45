// SPDX-License-Identifier: Apache-2.0
import type { PostgresAddress } from './address.ts'
import { closeClient, connectTo, dropClient, holdProcess } from './connect.ts'
import type { Timeouts } from './timeouts.ts'
import type { PgDriver } from './driver.ts'
import { isOfStatement, storeFault } from './fault.ts'
import { sqlOf, type Sql } from './sql.ts'

/** Reading connections: as many as there are questions at once, up to a limit, and none after a quiet while. */
export interface ReadingPool {
  /** Lends a connection to `work`. Throws FastenErrors; a connection that failed is not lent again. */
  use<T>(work: (sql: Sql) => Promise<T>): Promise<T>
  close(): Promise<void>
}

export interface ReadingPoolOptions {
  readonly driver: PgDriver
  readonly address: PostgresAddress
  readonly timeouts: Timeouts
  readonly connectionsMax: number
}

const idleMs = 10_000

/** Idle connections keep no process alive. The driver's own pool knows one host only, and this one must find the right among several. */
export function createReadingPool({
  driver,
  address,
  timeouts,
  connectionsMax,
}: ReadingPoolOptions): ReadingPool {
  const idle: { readonly sql: Sql; readonly timer: NodeJS.Timeout }[] = []
  const waiting: (() => void)[] = []
  let open = 0
  let isClosed = false

  async function take(): Promise<Sql> {
    const isFull = (): boolean => open >= connectionsMax && idle.length === 0
    while (isFull()) await new Promise<void>((resolve) => waiting.push(resolve))
    if (isClosed) throw new TypeError('the store is closed')
    const found = idle.pop()
    if (found !== undefined) {
      clearTimeout(found.timer)
      holdProcess(found.sql.client, true)
      return found.sql
    }
    open++
    try {
      const sql = sqlOf(await connectTo(driver, address, 'any', timeouts))
      await sql.run('SET default_transaction_read_only = on')
      return sql
    } catch (error) {
      release()
      throw error
    }
  }

  function giveBack(sql: Sql): void {
    holdProcess(sql.client, false)
    const timer = setTimeout(() => {
      const index = idle.findIndex((entry) => entry.sql === sql)
      if (index === -1) return
      idle.splice(index, 1)
      open--
      void closeClient(sql.client)
    }, idleMs)
    timer.unref()
    idle.push({ sql, timer })
    waiting.shift()?.()
  }

  function release(): void {
    open--
    waiting.shift()?.()
  }

  return {
    async use(work) {
      let sql: Sql | undefined
      try {
        sql = await take()
        const answer = await work(sql)
        giveBack(sql)
        return answer
      } catch (error) {
        if (sql !== undefined) {
          if (isOfStatement(error) && !isClosed) giveBack(sql)
          else {
            dropClient(sql.client)
            release()
          }
        }
        throw storeFault(error, address.shown)
      }
    },
    async close() {
      isClosed = true
      for (const resolve of waiting.splice(0)) resolve()
      for (const { sql, timer } of idle.splice(0)) {
        clearTimeout(timer)
        await closeClient(sql.client)
      }
    },
  }
}
