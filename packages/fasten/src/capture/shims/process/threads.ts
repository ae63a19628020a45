// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { syncBuiltinESMExports } from 'node:module'
import threads, {
  getEnvironmentData,
  MessageChannel,
  parentPort,
  receiveMessageOnPort,
  setEnvironmentData,
  type MessagePort,
  type WorkerOptions,
} from 'node:worker_threads'
import { carry, receive } from '../../carriers/carrier.ts'
import { currentContext } from '../../context.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { startKey } from './environment.ts'
import { noteCarrier, noteOf, type Note } from './note.ts'

const known = new WeakMap<object, () => void>()

/**
 * Makes worker threads that are started from now on know what they were started for (`runAsStarted`), and lets messages between a thread and its
 * parent carry the ids, when both call this before they listen. Messages and transfer lists are not touched: the ids go through a channel of their
 * own beside them. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentWorkerThreads(): () => void {
  return instrumentOnce(known, threads, () => {
    const undos: (() => void)[] = []
    const { Worker } = threads
    class CarryingWorker extends Worker {
      constructor(file: string | URL, options?: WorkerOptions) {
        const { port1, port2 } = new MessageChannel()
        const note = currentContext() === undefined ? {} : carry(noteCarrier, {})
        const earlier: unknown = getEnvironmentData(startKey)
        setEnvironmentData(startKey, { note, port: port2 })
        try {
          super(file, { ...options, transferList: [...(options?.transferList ?? []), port2] })
        } finally {
          setEnvironmentData(startKey, earlier as Note)
        }
        port1.unref()
        const notes = createNotes(port1, false)
        const inMakersContext = AsyncLocalStorage.snapshot()
        patchMethod(this as ThreadEnd, 'postMessage', (post) => notes.ahead(post))
        patchMethod(this as ThreadEnd, 'emit', (emit) => {
          return function (this: ThreadEnd, name: string | symbol, ...values: unknown[]) {
            const pass = (): boolean => emit.call(this, name, ...values)
            return name === 'message' ? notes.within(pass) : inMakersContext(pass)
          }
        })
      }
    }
    Object.defineProperty(CarryingWorker, 'name', { value: 'Worker' })
    threads.Worker = CarryingWorker
    syncBuiltinESMExports()
    undos.push(() => {
      if (threads.Worker === CarryingWorker) threads.Worker = Worker
      syncBuiltinESMExports()
    })
    const port = takePort()
    if (parentPort !== null && parentPort.listenerCount('message') === 0 && port !== undefined)
      undos.push(...instrumentParentPort(parentPort, port))
    return undos
  })
}

/**
 * Takes the port of the notes out of what this thread hands on to threads of its own: a port can be in one place only, and `new Worker` would refuse.
 * The note of what the thread was started for stays.
 */
export function takePort(): MessagePort | undefined {
  const { port, note } = noteOf(getEnvironmentData(startKey))
  if (!isPort(port)) return taken
  setEnvironmentData(startKey, { note })
  return (taken = port)
}

let taken: MessagePort | undefined

/** A worker as its parent has it. */
interface ThreadEnd {
  postMessage(value: unknown, ...rest: never[]): void
  emit(name: string | symbol, ...values: unknown[]): boolean
}

/** The one method that every message of a port goes through, however it is listened to. */
const dispatch = Symbol.for('nodejs.internal.kHybridDispatch')

interface DispatchingPort {
  postMessage(value: unknown, ...rest: never[]): void
  [dispatch](value: unknown, type: string, event: unknown): unknown
}

function instrumentParentPort(parent: MessagePort, port: MessagePort): (() => void)[] {
  const end = parent as unknown as DispatchingPort
  if (typeof end[dispatch] !== 'function') return []
  const notes = createNotes(port, true)
  return [
    patchMethod(end, 'postMessage', (post) => notes.ahead(post)),
    patchMethod(end, dispatch, (original) => {
      return function (this: DispatchingPort, value: unknown, type: string, event: unknown) {
        const pass = (): unknown => original.call(this, value, type, event)
        return type === 'message' ? notes.within(pass) : pass()
      }
    }),
  ]
}

/** How many notes wait for a thread that has not shown that it reads them; later messages of such a thread go without. */
const notesMax = 10_000

interface Notes {
  /** `post` with a note sent ahead of each message. */
  ahead(post: ThreadEnd['postMessage']): ThreadEnd['postMessage']
  /** `work` in the context of the note that belongs to the next message. */
  within<Result>(work: () => Result): Result
}

/**
 * Notes about the messages of one thread, on a port of their own. Both sides count the messages: each note names the one it belongs to, and is in
 * its queue before the message is in its own, because a post within a process is there when the call returns.
 */
function createNotes(port: MessagePort, isReader: boolean): Notes {
  let sent = 0
  let received = 0
  let isRead = isReader
  const waiting = new Map<unknown, Note>()
  const readAll = (): void => {
    for (;;) {
      const next = receiveMessageOnPort(port)
      if (next === undefined) return
      const { number, note } = noteOf(next.message)
      isRead = true
      if (note !== undefined) waiting.set(number, noteOf(note))
    }
  }
  // A first word without a note says that somebody is here.
  if (isReader) port.postMessage({})
  return {
    ahead: (post) =>
      function (this: ThreadEnd, value: unknown, ...rest: never[]) {
        const number = ++sent
        if (!isRead) readAll()
        if (isRead || number <= notesMax) port.postMessage({ number, note: carry(noteCarrier, {}) })
        try {
          post.call(this, value, ...rest)
        } catch (failure) {
          // A message that cannot be copied was never sent; its note is overwritten by the next one's.
          sent--
          throw failure
        }
      },
    within(work) {
      readAll()
      const number = ++received
      const note = waiting.get(number) ?? {}
      waiting.delete(number)
      return receive(noteCarrier, note, work, { trustsSentinels: true })
    },
  }
}

const isPort = (value: unknown): value is MessagePort =>
  typeof (value as MessagePort | undefined)?.postMessage === 'function'
