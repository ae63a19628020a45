// SPDX-License-Identifier: Apache-2.0
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { createFasten } from '../../packages/fasten/src/capture/create.ts'
import type { Stats } from '../../packages/fasten/src/capture/stats.ts'
import { optionsOf, type Place } from './place.ts'
import type { WriterJob } from './writer.ts'

/** A way to break the system on purpose, loaded before it in every thread: sabotage-<name>.ts says what it does. */
export type Sabotage = 'no-flush' | 'sync-normal' | 'deaf'

export interface RunningWriter {
  readonly child: ChildProcess
  /** What it said after `ready`, line by line. */
  readonly said: readonly string[]
  /** Resolves once it said a line that starts so; rejects when it ends before. */
  hears(start: string): Promise<void>
  /** Resolves with how it ended. */
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>
}

export interface WriterOptions {
  readonly sabotage?: Sabotage
  /** A command that runs the writer, e.g. strace with its options. */
  readonly wrapper?: readonly string[]
  /** More options of Node.js. */
  readonly nodeOptions?: readonly string[]
}

/** Starts harness/writer.ts with `job` as a process of its own. */
export function startWriter(
  job: WriterJob,
  { sabotage, wrapper = [], nodeOptions = [] }: WriterOptions = {},
): RunningWriter {
  const broken =
    sabotage === undefined ? [] : ['--import', new URL(`./sabotage-${sabotage}.ts`, import.meta.url).pathname]
  const entry = new URL('./writer.ts', import.meta.url).pathname
  const command = [
    ...wrapper,
    process.execPath,
    '--conditions=fasten-source',
    ...broken,
    ...nodeOptions,
    entry,
    JSON.stringify(job),
  ]
  const child = spawn(command[0] ?? '', command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] })
  const said: string[] = []
  const waiting = new Set<() => void>()
  const errors: Buffer[] = []
  child.stderr.on('data', (bytes: Buffer) => errors.push(bytes))
  createInterface({ input: child.stdout }).on('line', (line) => {
    said.push(line)
    for (const look of waiting) look()
  })
  let hasEnded = false
  const ended = once(child, 'close').then(([code, signal]) => {
    hasEnded = true
    for (const look of waiting) look()
    return { code: code as number | null, signal: signal as string | null }
  })
  return {
    child,
    said,
    ended,
    hears: (start) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const isSaid = said.some((line) => line.startsWith(start))
          if (!isSaid && !hasEnded) return
          waiting.delete(look)
          if (isSaid) resolve()
          else
            reject(
              new TypeError(
                `the writer ended before it said "${start}": ${Buffer.concat(errors).toString()}`,
              ),
            )
        }
        waiting.add(look)
        look()
      }),
  }
}

export interface Recovery {
  /** From the start of a new process's instance to its first durable row on what the others left. */
  readonly firstDurableMs: number
  /** Whether everything that was left is stored. */
  readonly isEmpty: boolean
  /** Accepted, stored, quarantined and spooled rows of the new instance itself. */
  readonly stats: Stats
}

/**
 * Starts an instance on what the dead left, waits for a durable row of its own and for all of theirs to be stored, and ends. A store
 * that refuses to take rows is waited for as well, unless `refusedMs` says for how long only.
 */
export async function recover(
  place: Place,
  { timeoutMs = 60_000, refusedMs = timeoutMs }: { timeoutMs?: number; refusedMs?: number } = {},
): Promise<Recovery> {
  const started = performance.now()
  const fasten = createFasten({
    service_id: 'restart',
    node_id: 'node-1',
    ...optionsOf(place),
    stdout: [],
    notices: { write: () => true },
  })
  try {
    await fasten.emit({ code: 'DOCTOR_PROBE', target: 'restart' }).durable
    const firstDurableMs = performance.now() - started
    let isEmpty = false
    while (!isEmpty && performance.now() - started < timeoutMs) {
      isEmpty = await fasten.flush(refusedMs)
      if (!isEmpty && fasten.stats().retry_count > 0) break
    }
    return { firstDurableMs, isEmpty, stats: fasten.stats() }
  } finally {
    await fasten.close(fasten.stats().retry_count > 0 ? refusedMs : timeoutMs)
  }
}
