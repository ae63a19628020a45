// SPDX-License-Identifier: Apache-2.0
/**
 * The process under attack: emits as fast as it can, and writes the id of each row into the ledger once the promise it was
 * asked to wait for is kept. Says `ready`, then `done` when it has emitted all it should.
 *
 * argv: one `WriterJob` as JSON.
 */
import { writeSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createCodeRegistry } from '../../packages/fasten/src/core/code.ts'
import { createFasten } from '../../packages/fasten/src/capture/create.ts'
import type { Receipt } from '../../packages/fasten/src/capture/receipt.ts'
import { openLedger } from './ledger.ts'
import { optionsOf, type Place } from './place.ts'

export interface WriterJob {
  readonly place: Place
  readonly ledger: string
  readonly service: string
  /** What the client waits for before it takes a row for safe. */
  readonly promise: 'accepted' | 'durable' | 'stored'
  readonly durability?: 'process' | 'tick' | 'disk' | 'memory'
  /** Rows of one turn of the event loop. */
  readonly perTurn: number
  /** Ends after so many rows; without it, never by itself. */
  readonly rowsMax?: number
  /** After the last row: `close` empties the spool and ends, `stay` waits to be killed, `exit` ends at once. */
  readonly ending?: 'close' | 'stay' | 'exit'
  readonly noteBytes?: number
}

const job = JSON.parse(process.argv[2] ?? '') as WriterJob
const ledger = openLedger(job.ledger)
const registry = createCodeRegistry()
registry.register('order', { ORDER_PLACED: { category: 'order', action: 'create' } })
const fasten = createFasten({
  registry,
  service_id: job.service,
  node_id: 'node-1',
  ...optionsOf(job.place),
  stdout: [],
  durability: job.durability ?? 'process',
})
writeSync(1, 'ready\n')

const note = 'ä€𝄞'.padEnd(job.noteBytes ?? 10, 'x')
for (let emitted = 0; job.rowsMax === undefined || emitted < job.rowsMax;) {
  const receipts: Receipt[] = []
  for (let index = 0; index < job.perTurn; index++, emitted++)
    receipts.push(
      fasten.emit({
        code: 'ORDER_PLACED',
        target: `order/${emitted}`,
        detail: { sku: 'WIDGET', qty: index, note },
      }),
    )
  await settle(receipts)
  await nextTurn()
}
if (job.ending === 'close') await fasten.close(60_000)
writeSync(1, 'done\n')
// Until here nothing but the rows it waits for keeps the process alive.
if (job.ending !== 'close' && job.ending !== 'exit') setInterval(() => {}, 1000)

async function settle(receipts: readonly Receipt[]): Promise<void> {
  if (job.promise === 'accepted') {
    for (const { id, accepted } of receipts) if (accepted) ledger.ack([id])
    return
  }
  const kept: string[] = []
  const outcomes = await Promise.allSettled(
    receipts.map((receipt) => (job.promise === 'durable' ? receipt.durable : receipt.stored)),
  )
  for (const [index, outcome] of outcomes.entries()) {
    const receipt = receipts[index]
    if (receipt === undefined) continue
    if (outcome.status === 'fulfilled') kept.push(receipt.id)
    else writeSync(1, `refused ${String((outcome.reason as { code?: unknown }).code)}\n`)
  }
  ledger.ack(kept)
}
