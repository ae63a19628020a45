// SPDX-License-Identifier: Apache-2.0
import { carry, receive } from '../../carriers/carrier.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { noteCarrier, noteOf, type Note } from './note.ts'

/** One end of a channel between processes: a `ChildProcess`, or `process` in a child. */
export interface IpcEnd {
  readonly connected: boolean
  send?(message: never, ...rest: never[]): boolean
  emit(name: string | symbol, ...values: unknown[]): boolean
  listenerCount(name: string): number
}

/**
 * Node.js keeps messages whose `cmd` begins so from the `message` event: an end that knows nothing of us never sees a note, and what the
 * application sends is not touched.
 */
const command = 'NODE_FASTEN'

const known = new WeakMap<IpcEnd, () => void>()

/**
 * Makes one end of a channel send a note with the ids ahead of each message, and run its `message` listeners in the context of the note. A message
 * without a note (the other end is not instrumented, or nobody listened yet when it came) gets an id of its own. Answers a function that takes it out again.
 */
export function instrumentIpc(end: IpcEnd): () => void {
  const { send } = end
  if (typeof send !== 'function')
    throw new TypeError('end: give a process with a channel (fork, or stdio "ipc")')
  return instrumentOnce(known, end, () => {
    let note: Note | undefined
    return [
      patchMethod(end as Required<IpcEnd>, 'send', (original) => {
        const plain = original as (...values: unknown[]) => boolean
        return function (this: IpcEnd, message: unknown, ...rest: unknown[]) {
          if (this.connected && !isInternal(message))
            // What keeps the note from being sent keeps the message too, whose sender is told.
            plain.call(
              this,
              { cmd: command, note: carry(noteCarrier, {}) },
              undefined,
              undefined,
              () => undefined,
            )
          return plain.call(this, message, ...rest)
        }
      }),
      patchMethod(end, 'emit', (emit) => {
        return function (this: IpcEnd, name: string | symbol, ...values: unknown[]) {
          if (name === 'internalMessage' && isNote(values[0])) {
            // Messages that nobody listens to yet are kept back by Node.js, notes are not: such a note has lost its message.
            note = this.listenerCount('message') > 0 ? noteOf(values[0].note) : undefined
            return true
          }
          if (name !== 'message') return emit.call(this, name, ...values)
          const carried = note ?? {}
          note = undefined
          return receive(noteCarrier, carried, () => emit.call(this, name, ...values), {
            trustsSentinels: true,
          })
        }
      }),
    ]
  })
}

const isInternal = (message: unknown): boolean =>
  String((message as { readonly cmd?: unknown } | null)?.cmd).startsWith('NODE_')

const isNote = (message: unknown): message is { readonly note: unknown } =>
  (message as { readonly cmd?: unknown } | null)?.cmd === command
