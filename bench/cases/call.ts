// SPDX-License-Identifier: Apache-2.0
// What one call costs its caller, and what it costs in all until it has reached its destination.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { percentilesOf } from '../measure/percentiles.ts'
import { subjects, type SubjectName } from '../subjects/index.ts'
import { answer } from './answer.ts'

export interface CallParams {
  readonly subject: SubjectName
  readonly dir: string
  readonly calls: number
  readonly warmCalls: number
  /** Duration of the paced part, milliseconds. */
  readonly pacedMs: number
}

export interface CallResult {
  readonly title: string
  /** Microseconds inside the call, in a hot loop that yields every 50 calls. */
  readonly p50: number
  readonly p99: number
  readonly p999: number
  /** Calls per second of time spent inside the call. */
  readonly callsPerSecond: number
  /** Events per second until all had reached their destination. */
  readonly drainedPerSecond: number
  /** Microseconds of CPU, all threads, per event until drained. */
  readonly cpuMicros: number
  /** Milliseconds, at 10,000 calls a second. */
  readonly loopDelayP99: number
  /** Microseconds inside the call at 10,000 calls a second, where caches are colder. */
  readonly pacedP50: number
}

await answer(async ({ subject: name, dir, calls, warmCalls, pacedMs }: CallParams): Promise<CallResult> => {
  const subject = await subjects[name]()
  const open = (part: string) => {
    mkdirSync(join(dir, part), { recursive: true })
    return subject.open(join(dir, part))
  }

  const warm = await open('warm')
  await hotLoop(warm.call, new Float64Array(warmCalls))
  await warm.drain()
  await warm.check(warmCalls)

  const hot = await open('hot')
  const latencies = new Float64Array(calls)
  const cpuBefore = process.cpuUsage()
  const start = performance.now()
  await hotLoop(hot.call, latencies)
  await hot.drain()
  const drainedMs = performance.now() - start
  const cpu = process.cpuUsage(cpuBefore)
  await hot.check(calls)

  const paced = await open('paced')
  const pace = await pacedLoop(paced.call, pacedMs)
  await paced.drain()
  await paced.check(pace.latencies.length)

  const insideMs = latencies.reduce((sum, each) => sum + each, 0) / 1000
  const { p50, p99, p999 } = percentilesOf(latencies)
  return {
    title: subject.title,
    p50,
    p99,
    p999,
    callsPerSecond: (calls / insideMs) * 1000,
    drainedPerSecond: (calls / drainedMs) * 1000,
    cpuMicros: (cpu.user + cpu.system) / calls,
    loopDelayP99: pace.loopDelayP99,
    pacedP50: percentilesOf(Float64Array.from(pace.latencies)).p50,
  }
})

/** Fills `latencies` (microseconds), yielding to the event loop every 50 calls as a busy server would. */
async function hotLoop(call: (i: number) => void, latencies: Float64Array): Promise<void> {
  for (let i = 0; i < latencies.length;) {
    for (const end = Math.min(i + 50, latencies.length); i < end; i++) {
      const before = performance.now()
      call(i)
      latencies[i] = (performance.now() - before) * 1000
    }
    await turn()
  }
}

/** Ten calls each millisecond. */
async function pacedLoop(
  call: (i: number) => void,
  durationMs: number,
): Promise<{ latencies: number[]; loopDelayP99: number }> {
  const latencies: number[] = []
  const delay = monitorEventLoopDelay({ resolution: 1 })
  // The first half second of a quiet process still loads code and grows heaps.
  const settled = performance.now() + Math.min(500, durationMs / 2)
  const end = performance.now() + durationMs
  for (let due = performance.now(); due < end; due += 1) {
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    if (due >= settled) delay.enable()
    for (let k = 0; k < 10; k++) {
      const before = performance.now()
      call(latencies.length)
      latencies.push((performance.now() - before) * 1000)
    }
  }
  delay.disable()
  return { latencies, loopDelayP99: delay.percentile(99) / 1e6 }
}
