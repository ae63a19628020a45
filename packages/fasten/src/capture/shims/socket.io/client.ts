// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import { carriedNow, contextOf, type Carried } from '../../carriers/carrier.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import { patchMethod } from '../patch.ts'
import { boundAck } from './acknowledgement.ts'
import { ioCarrier, noteMember, packetType, packetWith, takeNote, type IoPacket } from './event.ts'

/** A socket of `socket.io-client`, with the methods that everything goes through. */
export interface ClientSocket {
  readonly nsp: string
  readonly sendBuffer: readonly IoPacket[]
  connect(): unknown
  emit(name: string, ...values: unknown[]): unknown
  emitReserved(name: string, ...values: unknown[]): unknown
  packet(packet: IoPacket): void
  onpacket(packet: IoPacket): void
  onevent(packet: IoPacket): void
  emitEvent(values: readonly unknown[]): void
  _addToQueue?(values: readonly unknown[]): void
}

type Within = ReturnType<typeof AsyncLocalStorage.snapshot>

export function patchClient(prototype: ClientSocket, negotiates: boolean): readonly (() => void)[] {
  /** Of each socket: the work that connected it first. */
  const makers = new WeakMap<ClientSocket, Within>()
  /** Whether the server understands notes; undefined until it has answered. */
  const speaks = new WeakMap<ClientSocket, boolean>()
  /** What packets carry that wait for a connection. */
  const kept = new WeakMap<IoPacket, Carried>()
  /** The work behind events that are sent until they are acknowledged, by the function that hears of it. */
  const retried = new WeakMap<object, Within>()
  const heard = new WeakMap<object, RequestContext>()
  const asMaker = <Result>(socket: ClientSocket, work: () => Result): Result => {
    const within = makers.get(socket)
    return within === undefined ? work() : within(work)
  }
  const takers = new WeakSet<ClientSocket>()
  /** Lies over the socket itself, because a server that knows that notes are understood sends them for as long as it is connected. */
  const takeNotesFrom = (socket: ClientSocket): void => {
    takers.add(socket)
    patchMethod(socket, 'onevent', (receive) => {
      return function (this: ClientSocket, packet) {
        // What was missed while the connection was down comes before the answer of the server.
        const note = speaks.get(this) === false ? undefined : takeNote(packet.data)
        if (note !== undefined) heard.set(packet.data as object, contextOf(ioCarrier, note))
        return receive.call(this, packet)
      }
    })
  }
  const undos = [
    patchMethod(prototype, 'connect', (connect) => {
      return function (this: ClientSocket) {
        if (!makers.has(this)) makers.set(this, AsyncLocalStorage.snapshot())
        return connect.call(this)
      }
    }),
    patchMethod(prototype, 'emit', (emit) => {
      return function (this: ClientSocket, name, ...values) {
        const last = values.at(-1)
        const within = typeof last === 'function' ? retried.get(last) : undefined
        const send = (): unknown => {
          const waiting = this.sendBuffer.length
          const result: unknown = emit.call(this, name, ...boundAck(values))
          for (const packet of this.sendBuffer.slice(waiting)) kept.set(packet, carriedNow())
          return result
        }
        return within === undefined ? send() : within(send)
      }
    }),
    patchMethod(prototype, 'packet', (write) => {
      return function (this: ClientSocket, packet) {
        if (packet.type === packetType.connect) {
          speaks.delete(this)
          return write.call(this, negotiates ? asMaker(this, () => offering(packet)) : packet)
        }
        return write.call(this, speaks.get(this) === true ? packetWith(packet, kept.get(packet)) : packet)
      }
    }),
    patchMethod(prototype, 'onpacket', (receive) => {
      return function (this: ClientSocket, packet) {
        if (packet.type === packetType.connect && packet.nsp === this.nsp) {
          const isUnderstood = negotiates && isAnswer(packet.data)
          if (isUnderstood && !takers.has(this)) takeNotesFrom(this)
          speaks.set(this, isUnderstood)
        }
        return receive.call(this, packet)
      }
    }),
    // Events that come too early are kept, hence not `onevent`.
    patchMethod(prototype, 'emitEvent', (dispatch) => {
      return function (this: ClientSocket, values) {
        const context = heard.get(values)
        const pass = (): void => dispatch.call(this, values)
        return context === undefined ? asMaker(this, pass) : runWithContext(context, pass)
      }
    }),
    patchMethod(prototype, 'emitReserved', (dispatch) => {
      return function (this: ClientSocket, ...values) {
        return asMaker(this, () => dispatch.call(this, ...values))
      }
    }),
  ]
  if (typeof prototype._addToQueue === 'function')
    undos.push(
      patchMethod(prototype, '_addToQueue', (enqueue) => {
        return function (this: ClientSocket, values: readonly unknown[]) {
          enqueue.call(this, values)
          const settle = values.at(-1)
          if (typeof settle === 'function') retried.set(settle, AsyncLocalStorage.snapshot())
        }
      }),
    )
  return undos
}

/** The ids of the work that connects, beside what the application says in `auth`; a server that knows of notes takes them out. */
function offering(packet: IoPacket): IoPacket {
  const ids = currentContext() === undefined ? {} : ioCarrier.inject(['connect'], carriedNow())[1]
  return { ...packet, data: { [noteMember]: {}, ...(ids as object), ...(packet.data as object | undefined) } }
}

const isAnswer = (data: unknown): boolean =>
  (data as Readonly<Record<string, unknown>> | undefined)?.[noteMember] === true
