// SPDX-License-Identifier: Apache-2.0
// What it costs to wait until a row survives power loss: latency of one acknowledgement beside the disk's own, and rows a
// second when many wait at once. With `isStoreDown` somebody else holds the database all the while.
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import fasten from 'fasten'
import { percentilesOf } from '../measure/percentiles.ts'
import { emitOrder, startService } from '../subjects/fasten.ts'
import { checkRows } from '../subjects/stored-rows.ts'
import { answer } from './answer.ts'

export interface DurableParams {
  readonly database: string
  readonly rows: number
  /** How long single acknowledgements are measured, 1,000 a second, milliseconds. */
  readonly pacedMs: number
  readonly isStoreDown: boolean
}

export interface DurableResult {
  /** Milliseconds: 4 kB appended to a file and fdatasync, one after the other. */
  readonly diskP50: number
  readonly diskP99: number
  /** Milliseconds from `emit` to its `durable`. */
  readonly ackP50: number
  readonly ackP99: number
  /** Rows acknowledged per second, 500 emitted before each wait and two such groups on their way. */
  readonly rowsPerSecond: number
}

await answer(async ({ database, rows, pacedMs, isStoreDown }: DurableParams): Promise<DurableResult> => {
  const service = startService(database, { stdout: [] })
  await emitOrder(service, 0).stored
  let emitted = 1
  const emit = () => emitOrder(service, emitted++)
  const release = isStoreDown ? hold(database) : () => {}

  const before = disk(`${database}.probe`)
  const acks = await pacedAcks(emit, pacedMs)
  const after = disk(`${database}.probe`)

  const groups = Math.ceil(rows / 500)
  const start = performance.now()
  let previous: Promise<void> = Promise.resolve()
  for (let group = 0; group < groups; group++) {
    let last: Promise<void> = Promise.resolve()
    for (let k = 0; k < 500; k++) {
      const receipt = emit()
      if (k === 499) last = receipt.durable
    }
    await previous
    previous = last
  }
  await previous
  const seconds = (performance.now() - start) / 1000

  release()
  if (!(await service.flush(600_000))) throw new Error('not every row was stored')
  await fasten.close()
  await checkRows(database, emitted)
  const diskTimes = percentilesOf(Float64Array.from([...before, ...after]))
  const ackTimes = percentilesOf(Float64Array.from(acks))
  return {
    diskP50: diskTimes.p50,
    diskP99: diskTimes.p99,
    ackP50: ackTimes.p50,
    ackP99: ackTimes.p99,
    rowsPerSecond: (groups * 500) / seconds,
  }
})

/** One emit each millisecond; latencies in milliseconds, the first half second left out. */
async function pacedAcks(emit: () => { durable: Promise<void> }, durationMs: number): Promise<number[]> {
  const latencies: number[] = []
  const settled = performance.now() + Math.min(500, durationMs / 2)
  const end = performance.now() + durationMs
  const waiting: Promise<void>[] = []
  for (let due = performance.now(); due < end; due += 1) {
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    const before = performance.now()
    const { durable } = emit()
    if (before >= settled) waiting.push(durable.then(() => void latencies.push(performance.now() - before)))
  }
  await Promise.all(waiting)
  return latencies
}

/** Milliseconds of 200 appends of 4 kB, each synced. */
function disk(path: string): number[] {
  const file = openSync(path, 'a')
  const block = new Uint8Array(4096).fill(32)
  const times: number[] = []
  for (let i = 0; i < 200; i++) {
    const before = performance.now()
    writeSync(file, block)
    fdatasyncSync(file)
    times.push(performance.now() - before)
  }
  closeSync(file)
  return times
}

/** Locks the database against every writer until the answered function is called. */
function hold(database: string): () => void {
  const holder = new DatabaseSync(database)
  holder.exec('PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE')
  return () => {
    holder.exec('ROLLBACK')
    holder.close()
  }
}
