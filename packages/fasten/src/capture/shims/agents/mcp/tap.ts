// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable prefer-add-event-listener -- transports of MCP can be listened to in no other way */
import { AsyncLocalStorage } from 'node:async_hooks'
import { carry, contextOf } from '../../../carriers/carrier.ts'
import { currentContext, runWithContext, type RequestContext } from '../../../context.ts'
import { mcpCarrier, metaKey } from './mcp-carrier.ts'
import { isObject, kindOf, metaOf, paramsOf, withMeta, type McpMessage } from './message.ts'

/** What the shim needs of a transport; those of both SDKs are such. */
export interface McpTransport {
  send(message: never, options?: never): Promise<void>
}

/** Whoever wants to know of requests and what became of them. */
export interface CallWatch {
  /** A request arrived; called in the context that it asks for. Undefined: of no interest. */
  arrived?(message: McpMessage): WatchedCall | undefined
  /** A request is about to be sent, from the context in progress. */
  leaving?(message: McpMessage): WatchedCall | undefined
}

export interface WatchedCall {
  /** Runs the work of a request that arrived, or the sending of one that leaves. */
  within<T>(work: () => T): T
  /** Names a call that is sent to the other side. */
  readonly callRef?: string | undefined
  /** The answer is there; `pass` hands it on. */
  answered(response: McpMessage, pass: () => void): void
  /** Called instead: no answer will come, or none was sent. */
  ended(how: CallEnd): void
}

export type CallEnd = 'cancelled' | 'disconnected' | 'unsent' | 'superseded'

export interface TapOptions {
  readonly watch: CallWatch
  /** What is known of whoever sent a message, from what the transport says beside it. */
  readonly known: (extra: unknown) => Partial<RequestContext>
  readonly trustsSentinels: boolean
  /** Once false, everything passes as if the tap were not there. */
  readonly isOn: () => boolean
}

type Send = (message: unknown, options?: unknown) => Promise<void>
type Hear = (message: McpMessage, extra?: unknown) => void

/** A request of ours that waits for its answer, with the place it was sent from. */
interface Sent {
  readonly resume: <Values extends unknown[], R>(work: (...values: Values) => R, ...values: Values) => R
  readonly token: unknown
  readonly call: WatchedCall | undefined
}

/** A request of theirs that is being worked on. */
interface Served {
  readonly within: <T>(work: () => T) => T
  readonly call: WatchedCall | undefined
}

const taps = new WeakMap<object, { options: TapOptions }>()

/**
 * Stands between a transport and whoever uses it, from the next message on. What is sent carries the ids; what arrives is heard in the
 * context it asks for: a request in its own, an answer or a report of progress in that of the request it belongs to, a cancellation in that
 * of the request it ends. A transport that has a tap keeps the one it has.
 */
export function tapTransport(transport: McpTransport, options: TapOptions): void {
  const present = taps.get(transport)
  if (present !== undefined) {
    if (!present.options.isOn()) present.options = options
    return
  }
  const tap = { options }
  taps.set(transport, tap)
  const connectedIn = currentContext()
  const sent = new Map<unknown, Sent>()
  const tokens = new Map<unknown, Sent>()
  const served = new Map<unknown, Served>()

  const forget = (id: unknown): Sent | undefined => {
    const request = sent.get(id)
    if (request === undefined) return undefined
    sent.delete(id)
    if (tokens.get(request.token) === request) tokens.delete(request.token)
    return request
  }
  const finish = (id: unknown): Served | undefined => {
    const request = served.get(id)
    served.delete(id)
    return request
  }

  const send = transport.send as unknown as Send
  const sendCarrying: Send = function (this: unknown, message, sendOptions) {
    const pass = (text: unknown): Promise<void> => Reflect.apply(send, this, [text, sendOptions])
    if (!tap.options.isOn()) return pass(message)
    // The first SDK sends batches.
    const batch = (Array.isArray(message) ? message : [message]) as readonly McpMessage[]
    const carrying = batch.map((each) => leave(each, sendOptions))
    const sending = pass(Array.isArray(message) ? carrying : carrying[0])
    const requests = batch.filter((each) => kindOf(each) === 'request')
    if (requests.length > 0)
      sending.catch(() => {
        for (const { id } of requests) forget(id)?.call?.ended('unsent')
      })
    return sending
  }
  transport.send = sendCarrying

  function leave(message: McpMessage, sendOptions: unknown): McpMessage {
    const kind = kindOf(message)
    if (kind === 'response') {
      finish(message.id)?.call?.answered(message, () => {})
      return message
    }
    if (kind === 'notification' && message.method === 'notifications/cancelled')
      forget(paramsOf(message)['requestId'])?.call?.ended('cancelled')
    if (kind !== 'request') return carry(mcpCarrier, message)
    const call = tap.options.watch.leaving?.(message)
    const token = metaOf(message)['progressToken']
    const request = { resume: AsyncLocalStorage.snapshot(), token, call }
    forget(message.id)?.call?.ended('superseded')
    sent.set(message.id, request)
    if (token !== undefined) tokens.set(token, request)
    // Over HTTP the newer protocol cancels by hanging up, and nothing is sent.
    const { requestSignal: signal } = (sendOptions ?? {}) as { readonly requestSignal?: unknown }
    if (signal instanceof AbortSignal)
      signal.addEventListener(
        'abort',
        () => sent.get(message.id) === request && forget(message.id)?.call?.ended('cancelled'),
        { once: true },
      )
    if (call === undefined) return carry(mcpCarrier, message)
    return call.within(() => carry(mcpCarrier, referring(message, call.callRef)))
  }

  hearThrough(transport, (hear, message, extra) => {
    if (!tap.options.isOn()) return hear(message, extra)
    switch (kindOf(message)) {
      case 'request': {
        const context = contextFor(message, extra)
        finish(message.id)?.call?.ended('superseded')
        return runWithContext(context, () => {
          const { watch } = tap.options
          const call = watch.arrived?.(message)
          const within: Served['within'] = (work) =>
            call === undefined ? runWithContext(context, work) : call.within(work)
          if (watch.arrived !== undefined) served.set(message.id, { within, call })
          return within(() => hear(message, extra))
        })
      }
      case 'response': {
        const request = forget(message.id)
        if (request === undefined) return hear(message, extra)
        const pass = (): void => hear(message, extra)
        return request.resume(() =>
          request.call === undefined ? pass() : request.call.answered(message, pass),
        )
      }
      case 'notification': {
        const { progressToken: token, requestId } = paramsOf(message)
        const request =
          message.method === 'notifications/progress' && token !== undefined ? tokens.get(token) : undefined
        if (request !== undefined) return request.resume(hear, message, extra)
        const cancelled = message.method === 'notifications/cancelled' ? served.get(requestId) : undefined
        if (cancelled === undefined) return runWithContext(contextFor(message, extra), hear, message, extra)
        cancelled.within(() => hear(message, extra))
        if (served.get(requestId) === cancelled) finish(requestId)?.call?.ended('cancelled')
        return undefined
      }
      case 'other':
        return hear(message, extra)
    }
  })

  function contextFor(message: McpMessage, extra: unknown): RequestContext {
    const here = currentContext()
    // Somebody's request that led here: an HTTP server's, or a caller's in this process. Where the connection was made tells nothing
    // of what comes over it, except over HTTP, where some make a connection for each request.
    const around = here !== connectedIn || cameByHttp(extra) ? here : undefined
    const facts = tap.options.known(extra)
    if (around !== undefined && metaOf(message)[metaKey.request_id] === undefined)
      return { ...around, method: mcpCarrier.method, ...facts }
    const { trustsSentinels } = tap.options
    return contextOf(mcpCarrier, message, { trustsSentinels, context: { ...identityOf(around), ...facts } })
  }

  const closing = transport as { onclose?: (() => void) | undefined }
  const closed = closing.onclose
  closing.onclose = () => {
    try {
      closed?.()
    } finally {
      for (const id of sent.keys()) forget(id)?.call?.ended('disconnected')
      for (const id of served.keys()) finish(id)?.call?.ended('disconnected')
    }
  }
}

/** What either SDK says beside a message of an HTTP request. */
function cameByHttp(extra: unknown): boolean {
  return isObject(extra) && (extra['request'] !== undefined || extra['requestInfo'] !== undefined)
}

/** Who is at work, which was established by the transport's own means and which no message can say of itself. */
function identityOf(context: RequestContext | undefined): Partial<RequestContext> {
  if (context === undefined) return {}
  const { actor, actor_kind, on_behalf_of, auth_method, session_id, tenant_id, source } = context
  const identity = { actor, actor_kind, on_behalf_of, auth_method, session_id, tenant_id, source }
  return Object.fromEntries(Object.entries(identity).filter(([, value]) => value !== undefined))
}

function referring(message: McpMessage, callRef: string | undefined): McpMessage {
  const isNamed = callRef === undefined || metaOf(message)[metaKey.call_ref] !== undefined
  return isNamed ? message : withMeta(message, metaKey.call_ref, callRef)
}

type Through = (hear: Hear, message: McpMessage, extra: unknown) => void

/**
 * Lets what arrives at `transport` pass through `through` first, whoever listens and whenever they begin. Whoever begins calls the one who
 * listened before with the same message, so the outermost is the one that counts.
 */
function hearThrough(transport: McpTransport, through: Through): void {
  const listening = transport as { onmessage?: Hear | undefined }
  const inherited = accessorOf(transport)
  let inHand: unknown
  const wrapped = new WeakMap<Hear, Hear>()
  const wrap = (hear: Hear): Hear => {
    const known = wrapped.get(hear)
    if (known !== undefined) return known
    const heard: Hear = function (this: unknown, message, extra) {
      const pass: Hear = (...values) => Reflect.apply(hear, this, values)
      if (isObject(message) && message === inHand) return pass(message, extra)
      const before = inHand
      inHand = message
      try {
        return through(pass, message, extra)
      } finally {
        inHand = before
      }
    }
    wrapped.set(hear, heard)
    wrapped.set(heard, heard)
    return heard
  }
  let current = listening.onmessage
  Object.defineProperty(transport, 'onmessage', {
    configurable: true,
    enumerable: true,
    get: () => current,
    set(hear: Hear | undefined) {
      current = typeof hear === 'function' ? wrap(hear) : hear
      inherited?.set?.call(transport, current)
    },
  })
  if (current !== undefined) listening.onmessage = current
}

/** Transports of Node.js HTTP servers hand `onmessage` on to another one inside. */
function accessorOf(transport: object): PropertyDescriptor | undefined {
  let at: object | null = transport
  while (at !== null) {
    const found = Object.getOwnPropertyDescriptor(at, 'onmessage')
    if (found !== undefined) return found.set === undefined ? undefined : found
    at = Object.getPrototypeOf(at) as object | null
  }
  return undefined
}
