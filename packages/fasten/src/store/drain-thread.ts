// SPDX-License-Identifier: Apache-2.0
import { Worker } from 'node:worker_threads'
import { FastenError } from '../core/error.ts'
import type { StreamName } from '../core/row.ts'
import type { DrainEvent } from './drain-loop.ts'
import {
  askRunner,
  createDrainRunner,
  fromPlainError,
  type DrainAnswer,
  type DrainQuestion,
  type DrainRunner,
  type DrainRunnerOptions,
  type PlainError,
  type Sealing,
  type StoredPlace,
} from './drain-runner.ts'
import { createDrainShared, type DrainShared } from './drain-shared.ts'
import type { StoreTarget } from './open.ts'
import type { RetentionSettings } from './retention/sweeper.ts'
import type { FleetSettings } from './ship/fleet-settings.ts'
import type { Sealed } from './seal/sealer.ts'
import type { AppendedRow, OutboxPlace } from './ports.ts'

/** What the thread is started with; plain data. */
export interface DrainThreadData {
  readonly root: string
  readonly spool: string
  readonly shared: SharedArrayBuffer
  readonly target: StoreTarget
  readonly rowsMax: number
  readonly lingerMs: number
  /**
   * Who waits for rows without a bound keeps the process alive this long after the last progress: a store that is broken for longer may
   * not keep a service from ending. Its rows are in the spool.
   */
  readonly holdMs: number
  /** How its logs are signed; not looked at where nothing is. */
  readonly sealing: Pick<Sealing, 'heartbeatMs' | 'witnesses'>
  readonly retention?: RetentionSettings | undefined
  readonly fleet?: FleetSettings | undefined
}

export type DrainOrder =
  | { readonly kind: 'wake' | 'hurry' }
  | { readonly kind: 'stop'; readonly timeoutMs: number }
  | { readonly kind: 'ask'; readonly token: number; readonly question: DrainQuestion }

export type DrainReport =
  | { readonly kind: 'progress' | 'stopped' }
  | { readonly kind: 'event'; readonly event: DrainEvent }
  | { readonly kind: 'moved'; readonly rows: readonly AppendedRow[] }
  | {
      readonly kind: 'answer'
      readonly token: number
      readonly answer: DrainAnswer
      readonly error?: PlainError
    }

/** The application's handle on whatever drains its spool. */
export interface Drainer {
  readonly shared: DrainShared
  readonly isThread: boolean
  /** To be called after each append; sends a message only when the drainer sleeps. */
  wake(): void
  /** Ends a back-off: the store is tried now. */
  hurry(): void
  /** True once everything before `position` is stored or in quarantine; false when `timeoutMs` passed first. */
  whenStored(position: number, timeoutMs?: number): Promise<boolean>
  locate(stream: StreamName, id: string): Promise<StoredPlace | null>
  /** Signs the ends of the logs now; what was signed. Rejects with what made it fail. */
  seal(): Promise<readonly Sealed[]>
  /** Resolves once the outbox was found empty after now. With `keepsAlive` the process waits for it. */
  sweep(keepsAlive: boolean): Promise<void>
  /** Where applications insert; resolves when the store is there with its tables, rejects with what it said. */
  outboxPlace(): Promise<OutboxPlace>
  /** Ends after the running transaction; forcibly after `timeoutMs`, which loses nothing: the spool has the rows. */
  stop(timeoutMs: number): Promise<void>
}

type Channel = {
  wake(): void
  hurry(): void
  ask(question: DrainQuestion): Promise<DrainAnswer>
  stop(timeoutMs: number): Promise<void>
  /** After `stop`, or when it took too long. */
  end(): Promise<void>
  isThread(): boolean
  /** While somebody waits, the process must stay alive for the answer. */
  hold(isHeld: boolean): void
}

/**
 * Starts the drainer in a worker thread. The thread neither keeps the process alive nor costs anything while it sleeps. When it
 * cannot start or dies, `inline` takes over on the calling thread, from the position the store has recorded.
 */
export function startDrainThread(
  data: Omit<DrainThreadData, 'shared'>,
  inline: () => Omit<DrainRunnerOptions, 'shared' | 'onProgress'> & Pick<DrainThreadData, 'holdMs'>,
  onEvent: (event: DrainEvent) => void,
  onMoved: (rows: readonly AppendedRow[]) => void,
): Drainer {
  const shared = createDrainShared()
  // Compiled code stands beside this file as .js, source as .ts.
  const entry = new URL(
    import.meta.url.endsWith('.ts') ? './drain-worker.ts' : './drain-worker.js',
    import.meta.url,
  )
  let thread: Worker
  try {
    thread = new Worker(entry, {
      workerData: { ...data, shared: shared.buffer } satisfies DrainThreadData,
      name: 'fasten-drain',
      // The application's flags (--input-type, loaders, inspectors) are not meant for this thread; some would stop it.
      execArgv: process.execArgv.filter((flag) => flag.startsWith('--conditions=')),
    })
  } catch (error) {
    // The permission model may forbid threads, a bundler may have lost the entry. Whoever is told has yet to be handed this drainer.
    queueMicrotask(() => onEvent(inlineEvent(error)))
    return startInlineDrainer(inline())
  }
  type Waiter = {
    question: DrainQuestion
    resolve: (answer: DrainAnswer) => void
    reject: (error: Error) => void
  }
  const waiting = new Map<number, Waiter>()
  let nextToken = 0
  let onStopped: () => void = () => {}
  let isStopping = false
  let heir: DrainRunner | null = null
  let progress: () => void = () => {}

  const send = (order: DrainOrder): void => thread.postMessage(order)

  function takeOver(cause: unknown): void {
    if (isStopping || heir !== null) return onStopped()
    onEvent(inlineEvent(cause))
    heir = createDrainRunner({ ...inline(), shared, onProgress: () => progress() })
    heir.hurry()
    for (const { question, resolve, reject } of waiting.values())
      askRunner(heir, question).then(resolve, reject)
    waiting.clear()
  }

  thread.on('message', (report: DrainReport) => {
    switch (report.kind) {
      case 'progress':
        return progress()
      case 'stopped':
        return onStopped()
      case 'event':
        return onEvent(report.event)
      case 'moved':
        return onMoved(report.rows)
      case 'answer': {
        const waiter = waiting.get(report.token)
        waiting.delete(report.token)
        if (report.error) waiter?.reject(fromPlainError(report.error))
        else waiter?.resolve(report.answer)
      }
    }
  })
  thread.on('error', takeOver)
  thread.on('exit', (code) => takeOver(`exit code ${code}`))
  // After the listeners: each one would take a reference again.
  thread.unref()

  const channel: Channel = {
    isThread: () => heir === null,
    wake: () => (heir ? heir.wake() : send({ kind: 'wake' })),
    hurry: () => (heir ? heir.hurry() : send({ kind: 'hurry' })),
    ask: (question) =>
      heir
        ? askRunner(heir, question)
        : new Promise((resolve, reject) => {
            const token = nextToken++
            waiting.set(token, { question, resolve, reject })
            send({ kind: 'ask', token, question })
          }),
    stop: async (timeoutMs) => {
      isStopping = true
      if (heir) return heir.stop(timeoutMs)
      await new Promise<void>((resolve) => {
        onStopped = resolve
        send({ kind: 'stop', timeoutMs })
      })
    },
    end: async () => {
      await thread.terminate()
      for (const { question, reject } of waiting.values()) {
        const what = question.kind === 'locate' ? `the place of row ${question.id} was known` : 'it answered'
        reject(new FastenError('NOT_STORED_YET', `fasten was closed before ${what}`))
      }
      waiting.clear()
    },
    hold: (isHeld) => (isHeld ? thread.ref() : thread.unref()),
  }
  const { drainer, onProgress } = createDrainer(shared, channel, data.holdMs)
  progress = onProgress
  return drainer
}

const inlineEvent = (cause: unknown): DrainEvent => ({
  event: 'audit_drain_failed',
  code: 'DRAIN_INLINE',
  error: `there is no drainer thread (${String(cause)}); rows are drained on the main thread`,
})

/** Drains on the thread it is called on, in turns of the event loop: for tests, databases in memory, and where threads are not wanted. */
export function startInlineDrainer({
  holdMs,
  ...options
}: Omit<DrainRunnerOptions, 'shared' | 'onProgress'> & Pick<DrainThreadData, 'holdMs'>): Drainer {
  const shared = createDrainShared()
  let progress: () => void = () => {}
  const runner = createDrainRunner({ ...options, shared, onProgress: () => progress() })
  const { drainer, onProgress } = createDrainer(
    shared,
    {
      ...runner,
      ask: (question) => askRunner(runner, question),
      isThread: () => false,
      hold: () => {},
      end: async () => {},
    },
    holdMs,
  )
  progress = onProgress
  runner.hurry()
  return drainer
}

function createDrainer(
  shared: DrainShared,
  channel: Channel,
  holdMs: number,
): { drainer: Drainer; onProgress: () => void } {
  const waiters = new Set<{ position: number; settle: (isStored: boolean) => void }>()
  let holds = 0
  const hold = (change: 1 | -1): void => {
    holds += change
    if (holds === (change === 1 ? 1 : 0)) channel.hold(change === 1)
  }
  const held = async <T>(work: Promise<T>): Promise<T> => {
    hold(1)
    try {
      return await work
    } finally {
      hold(-1)
    }
  }
  /** As `held`, but only as long as the store makes progress. */
  async function heldWhileMoving<T>(work: Promise<T>): Promise<T> {
    let isHolding = true
    let seen = shared.stored
    hold(1)
    const release = (): void => {
      if (isHolding) hold(-1)
      isHolding = false
      clearInterval(look)
    }
    const look = setInterval(
      () => {
        if (shared.stored === seen) release()
        seen = shared.stored
      },
      Math.max(holdMs, 50),
    )
    try {
      return await work
    } finally {
      release()
    }
  }
  const onProgress = (): void => {
    const stored = shared.stored
    for (const waiter of waiters) if (waiter.position <= stored) waiter.settle(true)
  }
  let isStopped = false
  const drainer: Drainer = {
    shared,
    get isThread() {
      return channel.isThread()
    },
    wake() {
      if (shared.isIdle && !isStopped) channel.wake()
    },
    hurry() {
      if (!isStopped) channel.hurry()
    },
    whenStored(position, timeoutMs) {
      if (shared.stored >= position) return Promise.resolve(true)
      if (isStopped) return Promise.resolve(false)
      return heldWhileMoving(
        new Promise<boolean>((resolve) => {
          const waiter = {
            position,
            settle(isStored: boolean) {
              clearTimeout(timer)
              waiters.delete(waiter)
              shared.isAwaited = waiters.size > 0
              resolve(isStored)
            },
          }
          const timer =
            timeoutMs === undefined
              ? undefined
              : setTimeout(() => waiter.settle(shared.stored >= position), timeoutMs)
          waiters.add(waiter)
          shared.isAwaited = true
          channel.hurry()
          // A commit that ended just before we said that we wait was not told to us.
          onProgress()
        }),
      )
    },
    locate: async (stream, id) =>
      (await held(channel.ask({ kind: 'locate', stream, id }))) as StoredPlace | null,
    async sweep(keepsAlive) {
      const sweeping = channel.ask({ kind: 'sweep' })
      await (keepsAlive ? held(sweeping) : sweeping)
    },
    outboxPlace: async () => (await held(channel.ask({ kind: 'outboxPlace' }))) as OutboxPlace,
    seal: async () => (await held(channel.ask({ kind: 'seal' }))) as readonly Sealed[],
    async stop(timeoutMs) {
      if (isStopped) return
      isStopped = true
      let timer: NodeJS.Timeout | undefined
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, timeoutMs)
      })
      // What ships at the end leaves time to close the store.
      await held(Promise.race([channel.stop(timeoutMs * 0.9), late]))
      clearTimeout(timer)
      await channel.end()
      for (const waiter of waiters) waiter.settle(shared.stored >= waiter.position)
    },
  }
  return { drainer, onProgress }
}
