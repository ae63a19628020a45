// SPDX-License-Identifier: Apache-2.0
import { carry, contextOf } from '../../carriers/carrier.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { wsCarrier, type WsMessage } from './message.ts'

export interface WsOptions {
  /**
   * Whether messages that are JSON objects get the request id as `_req` when they are sent. Default false: the other end may refuse members it does not
   * know. A `_req` that comes in is read in any case.
   */
  readonly writesIds?: boolean
  /** The id of messages that carry none: that of the `connection`, or `own`, one for each message. Default `connection`. */
  readonly messages?: 'connection' | 'own'
}

/** A WebSocket of `ws`, or one of the kind that browsers and Node.js have (`dispatchEvent`). */
export interface Socket {
  send(data: never, ...rest: never[]): void
  emit?(name: string | symbol, ...values: never[]): boolean
  dispatchEvent?(event: never): boolean
}

/** Options that were checked. */
export interface WsShim {
  readonly writesIds: boolean
  readonly isOwn: boolean
}

/** Throws TypeError naming the option that is wrong. */
export function compileOptions({ writesIds = false, messages = 'connection' }: WsOptions = {}): WsShim {
  if (typeof writesIds !== 'boolean') throw new TypeError('writesIds: give true or false')
  if (messages !== 'connection' && messages !== 'own')
    throw new TypeError(`messages: ${JSON.stringify(messages)} is neither "connection" nor "own"`)
  return { writesIds, isOwn: messages === 'own' }
}

/** The context of each connection; undefined outside any. */
const connections = new WeakMap<object, RequestContext | undefined>()

/** From now on the events of the socket belong to `context`. */
export const belongTo = (socket: object, context: RequestContext | undefined): void =>
  void connections.set(socket, context)

/** The socket belongs to the work at hand, unless it is somebody's already. */
export function belongToMaker(socket: object): void {
  if (!connections.has(socket)) belongTo(socket, currentContext())
}

const known = new WeakMap<Socket, () => void>()

/**
 * One socket: its listeners run in the context of the connection (by default the work at hand), those of a message in that of the message. For
 * clients, call it right after `new WebSocket(…)`. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentSocket(
  socket: Socket,
  { context = currentContext(), ...options }: WsOptions & { readonly context?: RequestContext } = {},
): () => void {
  const shim = compileOptions(options)
  const isEmitter = typeof socket.emit === 'function'
  if (!isEmitter && typeof socket.dispatchEvent !== 'function')
    throw new TypeError('socket: give a WebSocket')
  return instrumentOnce(known, socket, () => {
    belongTo(socket, context)
    const emitting = isEmitter
      ? patchMethod(socket as Required<Socket>, 'emit', emitWith(shim))
      : patchMethod(socket as Required<Socket>, 'dispatchEvent', dispatchWith(shim))
    return [emitting, patchMethod(socket, 'send', sendWith(shim))]
  })
}

type Emit = (name: string | symbol, ...values: never[]) => boolean

export const emitWith =
  (shim: WsShim): ((emit: Emit) => Emit) =>
  (emit) =>
    function (this: object, name, ...values) {
      const pass = (): boolean => Reflect.apply(emit, this, [name, ...values])
      if (name !== 'message') return inConnection(this, pass)
      const [data, isBinary] = values as unknown[]
      return inMessage(shim, this, { data, isBinary: isBinary === true }, pass)
    }

const dispatchWith = (shim: WsShim) => (dispatch: (event: never) => boolean) =>
  function (this: object, event: never): boolean {
    const { type, data } = event as { readonly type: string; readonly data?: unknown }
    const pass = (): boolean => Reflect.apply(dispatch, this, [event])
    return type === 'message'
      ? inMessage(shim, this, { data, isBinary: typeof data !== 'string' }, pass)
      : inConnection(this, pass)
  }

type Send = (data: never, ...rest: never[]) => void

export const sendWith =
  ({ writesIds }: WsShim): ((send: Send) => Send) =>
  (send) =>
    function (this: object, data, ...rest) {
      const [options] = rest as unknown[]
      const isBinary =
        (options as { readonly binary?: unknown } | undefined)?.binary ?? typeof data !== 'string'
      const message = { data: data as unknown, isBinary: isBinary === true }
      return Reflect.apply(send, this, [
        (writesIds ? carry(wsCarrier, message) : message).data as never,
        ...rest,
      ])
    }

function inConnection<Result>(socket: object, work: () => Result): Result {
  const context = connections.get(socket)
  return context === undefined || context === currentContext() ? work() : runWithContext(context, work)
}

function inMessage<Result>(shim: WsShim, socket: object, message: WsMessage, work: () => Result): Result {
  const connection = connections.get(socket)
  const hasId = wsCarrier.extract(message).request_id !== undefined
  if (connection !== undefined && !hasId && !shim.isOwn) return inConnection(socket, work)
  return runWithContext({ ...whoOf(connection), ...contextOf(wsCarrier, message) }, work)
}

/** Who is at the other end stays true for each message; the trace and the cause of the connection are not those of the message. */
export function whoOf(connection: RequestContext | undefined): Partial<RequestContext> {
  if (connection === undefined) return {}
  const {
    inbound_request_id: _id,
    trace_id: _trace,
    span_id: _span,
    trace_flags: _flags,
    ...rest
  } = connection
  const { tracestate: _state, baggage: _baggage, caused_by: _cause, ...who } = rest
  return who
}
