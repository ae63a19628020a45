// SPDX-License-Identifier: Apache-2.0
import { openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import fasten, { type Durability, type Fasten } from 'fasten'
import { checkLines } from './lines.ts'
import { customers, orderNumber } from './order.ts'
import { checkRows } from './stored-rows.ts'
import type { Subject } from './subject.ts'

/** An audit row: typed, enriched, redacted, canonical; drained, chained and indexed in SQLite. */
export const fastenEmit = (durability: Durability): Subject => ({
  title: `fasten.emit, ${durability}`,
  async open(dir) {
    const database = join(dir, 'fasten.db')
    const service = startService(database, { durability, stdout: [] })
    return {
      call: (i) => {
        emitOrder(service, i)
      },
      async drain() {
        if (!(await service.flush(600_000))) throw new Error('not every row was stored')
        await fasten.close()
      },
      check: (count) => checkRows(database, count),
    }
  },
})

/** A log line, redacted, with its request id: to the ring of recent lines and to stdout, which here is a file. */
export const fastenLog: Subject = {
  title: 'fasten.log.info',
  async open(dir) {
    const path = join(dir, 'fasten.ndjson')
    const file = openSync(path, 'a')
    // What process.stdout does when it is redirected into a file.
    const service = startService(join(dir, 'fasten.db'), {
      log_format: 'json',
      writable: { write: (text: string) => writeSync(file, text) },
    })
    return {
      call: (i) => service.log.info('order_placed', { ...orderNumber(i) }),
      drain: () => fasten.close(),
      check: (count) =>
        checkLines(path, count, ({ fields }) => (fields as { amount?: unknown } | undefined)?.amount),
    }
  },
}

/** fasten as a service has it, with one registered code and its rows in the SQLite file `database`. */
export function startService(database: string, options: Parameters<typeof fasten.init>[0] = {}): Fasten {
  if (fasten.metaOf('ORDER_PLACED') === undefined) {
    fasten.register('shop', { ORDER_PLACED: { action: 'order.place', category: 'order' } })
  }
  return fasten.init({
    service_id: 'bench',
    node_id: 'node-1',
    audit_dsn: `sqlite:///${encodeURI(database)}`,
    ...options,
  })
}

/** Order number `i`, as an audit event. */
export function emitOrder(service: Fasten, i: number): ReturnType<Fasten['emit']> {
  return service.emit({
    code: 'ORDER_PLACED',
    target: 'orders',
    actor: customers[i & 4095] ?? '',
    actor_kind: 'user',
    detail: { ...orderNumber(i) },
  })
}
