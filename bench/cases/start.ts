// SPDX-License-Identifier: Apache-2.0
// What a process pays for having fasten at all: loading it, starting it, and sitting idle with it.
import { setTimeout as sleep } from 'node:timers/promises'
import { answer } from './answer.ts'

export interface StartParams {
  readonly database: string
  readonly idleMs: number
}

export interface StartResult {
  readonly importMs: number
  readonly initMs: number
  /** CPU of the whole process while nothing happened, as a share of one core. */
  readonly idleCpu: number
  /** Timers that are armed while nothing happens. */
  readonly idleTimers: number
}

await answer(async ({ database, idleMs }: StartParams): Promise<StartResult> => {
  const beforeImport = performance.now()
  const { default: fasten } = await import('fasten')
  const beforeInit = performance.now()
  const service = fasten.init({
    service_id: 'bench',
    node_id: 'node-1',
    audit_dsn: `sqlite:///${encodeURI(database)}`,
    stdout: [],
  })
  const afterInit = performance.now()

  service.emit({ code: 'RECOVERED', target: 'bench' })
  await service.flush(60_000)
  // Things that end by themselves after the last row may do so first.
  await sleep(idleMs / 2)
  // The case's own keep-alive interval and this wait are the two that may be there.
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
  const cpuBefore = process.cpuUsage()
  await sleep(idleMs)
  const cpu = process.cpuUsage(cpuBefore)
  await fasten.close()
  return {
    importMs: beforeInit - beforeImport,
    initMs: afterInit - beforeInit,
    idleCpu: (cpu.user + cpu.system) / 1000 / idleMs,
    idleTimers: Math.max(0, timers - 1),
  }
})
