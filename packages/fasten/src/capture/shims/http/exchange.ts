// SPDX-License-Identifier: Apache-2.0
import { acceptRequestId } from '../../../core/ids.ts'
import type { Source } from '../../../core/row.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import type { ApiInput } from '../../engine.ts'
import { actorOf } from './actor.ts'
import { clientAddress } from './client-address.ts'
import { exchangeKey, type MutableContext } from './exchange-key.ts'
import { join, leave, oldestInFlight, type InFlight } from './in-flight.ts'
import type { ActorFacts, HttpShim } from './options.ts'
import { activeSpan, apartFromSpans, traceBridge, type ActiveSpan } from '../../trace-bridge.ts'
import { acceptBaggage, acceptTracestate, formatTraceparent, parseTraceparent } from '../../trace-context.ts'

/** What is known when a request arrives. */
export interface RequestFacts {
  /** HTTP verb. */
  readonly method: string
  /** Request target as sent; the query, and the origin of an absolute one, are cut off. */
  readonly target: string
  /** By lower-case name; several values of one name joined with a comma, as Node.js does. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Of the socket; undefined on a Unix socket. */
  readonly peerAddress?: string | undefined
  /** What the hooks of the options are asked with. */
  readonly request?: unknown
}

/** What is known when it is over. */
export interface RequestResult {
  /** As sent; 499 when the client went away before an answer. */
  readonly status: number
  readonly bytes_in?: number | undefined
  readonly bytes_out?: number | undefined
  /** Goes before an error noted earlier. */
  readonly error?: string | undefined
}

/** One request from arrival to its api row. */
export interface Exchange extends InFlight {
  readonly shim: HttpShim
  context: RequestContext
  readonly method: string
  readonly path: string
  readonly isSkipped: boolean
  /** Monotonic milliseconds. */
  readonly startedAt: number
  /** What the hooks are asked with; given back when the request ended, since timers may hold the context for long. */
  request: unknown
  /** How far the answer has come, for what has to be known before it closes. */
  response:
    | { readonly headersSent: boolean; readonly statusCode: number; readonly writableFinished: boolean }
    | undefined
  /** The methods an adapter laid its own over. */
  before: object | undefined
  /** The pattern that matched, if the adapter knows it outright … */
  route: string | undefined
  /** … or how to find it in `request` when the request ends. */
  readRoute: ((request: unknown) => string | undefined) | undefined
  /** Class or code of what went wrong … */
  error: string | undefined
  /** … or how to find it in `request`, asked when the status tells of a failure. */
  readError: ((request: unknown) => string | undefined) | undefined
  actor: ActorFacts | undefined
  isAskingActor: boolean
  isEnded: boolean
  /** Whether the trace is that of another tracer's span. */
  hasSpan: boolean
  traceFlags: number
  tracestate: string | undefined
  baggage: string | undefined
  /** Whether the request announced a body. */
  hasBody: boolean
  bytesIn: number
  bytesOut: number
}

/** A request has arrived: its id is taken or minted, its context made. Never throws for what a client sent. */
export function beginExchange(shim: HttpShim, facts: RequestFacts): Exchange {
  const path = pathOf(facts.target)
  const exchange: Exchange = {
    shim,
    context: noContext,
    method: facts.method,
    path,
    isSkipped: shim.isSkipped !== undefined && isSkipped(shim, facts.method, path),
    startedAt: performance.now(),
    request: facts.request,
    response: undefined,
    before: undefined,
    route: undefined,
    readRoute: undefined,
    error: undefined,
    readError: undefined,
    actor: undefined,
    isAskingActor: false,
    isEnded: false,
    hasSpan: false,
    traceFlags: 0,
    tracestate: undefined,
    baggage: undefined,
    hasBody: false,
    bytesIn: 0,
    bytesOut: 0,
    earlier: undefined,
    later: undefined,
  }
  const context = newContext(exchange, facts)
  exchange.context = context
  continueTrace(exchange, context, facts.headers)
  if (!isWatchingExit) watchExit()
  join(exchange)
  return exchange
}

let isWatchingExit = false

/**
 * A process that goes down with requests in flight writes their rows on its way out, those that took it down among them.
 * Ahead of other exit listeners, so that what flushes rows there sees these too.
 */
function watchExit(): void {
  isWatchingExit = true
  process.prependListener('exit', () => {
    for (let left = oldestInFlight(); left !== undefined; left = oldestInFlight()) {
      const exchange = left as Exchange
      const { response, error } = exchange
      const status = response?.headersSent === true ? response.statusCode : 500
      endExchange(exchange, { status, error: error ?? 'exited' })
    }
  })
}

const noContext: RequestContext = { request_id: '' }
const pathCharactersMax = 8192
const agentCharactersMax = 1024

function pathOf(target: string): string {
  let start = 0
  if (target.charCodeAt(0) !== 47 /* / */) {
    // A proxy's absolute form may carry a user and a password; only its path is ours to keep.
    const scheme = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i.exec(target)
    if (scheme !== null) start = scheme[0].length
  }
  let end = target.indexOf('?', start)
  if (end === -1) end = target.length
  const path = target.slice(start, Math.min(end, start + pathCharactersMax))
  return path === '' ? '/' : path
}

function isSkipped(shim: HttpShim, method: string, path: string): boolean {
  try {
    return shim.isSkipped?.({ method, path }) === true
  } catch (error) {
    shim.warn(
      'FASTEN_SKIP_HOOK',
      'a function in the http shim\'s "skip" threw; such accesses are recorded',
      error,
    )
    return false
  }
}

function newContext(exchange: Exchange, facts: RequestFacts): MutableContext {
  const { shim } = exchange
  const accepted = acceptRequestId(firstHeader(facts.headers, shim.requestIdHeaders))
  const request_id =
    accepted.request_id ??
    traceBridge()?.ambientContext()?.request_id ??
    shim.recorder()?.mintID() ??
    shim.randomHex(6)
  const source = sourceOf(shim, facts)
  const context =
    shim.actor === undefined
      ? { request_id, method: 'http', source, [exchangeKey]: exchange }
      : askingContext(request_id, source, exchange)
  if (accepted.inbound_request_id === undefined) return context
  return Object.assign(context, { inbound_request_id: accepted.inbound_request_id })
}

function firstHeader(headers: RequestFacts['headers'], names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = headerText(headers, name)
    if (value !== undefined && value !== '') return value
  }
  return undefined
}

function headerText(headers: RequestFacts['headers'], name: string): string | undefined {
  const value = headers[name]
  return typeof value === 'string' || value === undefined ? value : value.join(', ')
}

function sourceOf(shim: HttpShim, facts: RequestFacts): Source {
  const ip = clientAddress(
    shim.peerAddress === undefined ? facts.peerAddress : askPeerAddress(shim, facts),
    shim.trust === undefined ? undefined : headerText(facts.headers, shim.forwardedHeader),
    shim.forwardedHeader,
    shim.trust,
  )
  let user_agent = headerText(facts.headers, 'user-agent')
  if (user_agent === undefined) return ip === undefined ? {} : { ip }
  if (user_agent.length > agentCharactersMax) user_agent = user_agent.slice(0, agentCharactersMax)
  return ip === undefined ? { user_agent } : { ip, user_agent }
}

function askPeerAddress(shim: HttpShim, facts: RequestFacts): string | undefined {
  try {
    return shim.peerAddress?.(facts.request) ?? facts.peerAddress
  } catch (error) {
    shim.warn('FASTEN_PEER_HOOK', 'the http shim\'s "peerAddress" hook threw; the address is left out', error)
    return facts.peerAddress
  }
}

/**
 * A context whose identity members ask the hook whenever they are read, because authentication runs after the context
 * is made. Own members and not a prototype's, so that copies made later take what is known by then.
 */
function askingContext(request_id: string, source: Source, exchange: Exchange): MutableContext {
  return {
    request_id,
    method: 'http',
    source,
    [exchangeKey]: exchange,
    get actor() {
      return actorOf(exchange)?.actor
    },
    get actor_kind() {
      return actorOf(exchange)?.actor_kind
    },
    get on_behalf_of() {
      return actorOf(exchange)?.on_behalf_of
    },
    get auth_method() {
      return actorOf(exchange)?.auth_method
    },
    get session_id() {
      return actorOf(exchange)?.session_id
    },
    get tenant_id() {
      return actorOf(exchange)?.tenant_id
    },
  } as MutableContext
}

function continueTrace(exchange: Exchange, context: MutableContext, headers: RequestFacts['headers']): void {
  if (headers['baggage'] !== undefined) exchange.baggage = acceptBaggage(headerText(headers, 'baggage'))
  if (joinSpan(exchange)) return
  const inbound = parseTraceparent(headerText(headers, 'traceparent'))
  if (inbound === undefined) {
    // Another tracer may be about to begin one further in; until it does, rows lie in no trace rather than in a second one.
    if (exchange.shim.startTrace === 'every' && traceBridge()?.isTracing() !== true) startTrace(exchange)
    return
  }
  context.trace_id = inbound.trace_id
  context.span_id = exchange.shim.randomHex(8)
  context.parent_span_id = inbound.parent_id
  exchange.traceFlags = inbound.flags
  exchange.tracestate = acceptTracestate(headerText(headers, 'tracestate'))
}

/**
 * Makes the trace of the active span, or of one that starts, the request's own, if no span was before: whichever of the two instrumentations lies
 * outermost, they end up in one trace. True when there is such a span.
 */
export function joinSpan(exchange: Exchange, starting?: ActiveSpan): boolean {
  if (exchange.hasSpan) return true
  const span = starting ?? activeSpan()
  if (span === undefined) return false
  const context: MutableContext = exchange.context
  context.trace_id = span.trace_id
  context.span_id = span.span_id
  exchange.traceFlags = span.trace_flags
  exchange.tracestate = span.tracestate
  exchange.hasSpan = true
  traceBridge()?.mark(context)
  return true
}

/** Gives the request a trace of its own, sampled since every row of it is kept. Rows written from now on carry it. */
export function startTrace(exchange: Exchange): void {
  const context: MutableContext = exchange.context
  context.trace_id = exchange.shim.randomHex(16)
  context.span_id = exchange.shim.randomHex(8)
  exchange.traceFlags = 3
}

/** The headers the answer should carry, by name; undefined members are left out. */
export function answerHeaders(exchange: Exchange): { readonly [name: string]: string } {
  const headers: { [name: string]: string } = {}
  const { shim, context } = exchange
  if (shim.echoHeader !== undefined) headers[shim.echoHeader] = context.request_id
  const trace = traceresponse(exchange)
  if (trace !== undefined) headers['traceresponse'] = trace
  return headers
}

/** The value of `traceresponse` when it is wanted and there is a trace. */
export function traceresponse(exchange: Exchange): string | undefined {
  const { trace_id, span_id } = exchange.context
  if (!exchange.shim.hasTraceresponse || trace_id === undefined || span_id === undefined) return undefined
  return formatTraceparent(trace_id, span_id, exchange.traceFlags)
}

/** The request is over: writes its one api row, in its context. Later calls for the same exchange do nothing. */
export function endExchange(exchange: Exchange, result: RequestResult): void {
  if (exchange.isEnded) return
  const recorder = exchange.isSkipped ? undefined : exchange.shim.recorder()
  const row = recorder === undefined ? undefined : rowOf(exchange, result)
  leave(exchange)
  exchange.isEnded = true
  exchange.request = undefined
  exchange.response = undefined
  if (recorder === undefined || row === undefined) return
  if (exchange.shim.startTrace === 'every' && exchange.context.trace_id === undefined) startTrace(exchange)
  const record = (): void => recorder.recordApi(row)
  if (currentContext() === exchange.context) apartFromSpans(record)
  else runWithContext(exchange.context, apartFromSpans<void>, record)
}

function rowOf(exchange: Exchange, result: RequestResult): ApiInput {
  const { status, bytes_in, bytes_out } = result
  const { method, path, context, readRoute } = exchange
  const duration_us = Math.round((performance.now() - exchange.startedAt) * 1000)
  const route = readRoute === undefined ? exchange.route : (ask(exchange, readRoute) ?? exchange.route)
  const error =
    result.error ?? exchange.error ?? (status < 400 ? undefined : ask(exchange, exchange.readError))
  const actor = actorOf(exchange)?.actor
  const source = context.source ?? noSource
  // Members are laid out at once for the two common kinds of row; adding each of them later costs as much as the rest.
  const row: { -readonly [Member in keyof ApiInput]: ApiInput[Member] } =
    bytes_out === undefined
      ? { method, path, status, duration_us, source }
      : route === undefined
        ? { method, path, status, duration_us, bytes_out, source }
        : { method, path, route, status, duration_us, bytes_out, source }
  if (route !== undefined) row.route = route
  if (bytes_in !== undefined) row.bytes_in = bytes_in
  if (actor !== undefined) row.actor = actor
  if (error !== undefined) row.error = error
  return row
}

const noSource: Source = {}

/** Asks an adapter for what the framework found; a version that keeps it elsewhere must not cost the row. */
function ask(exchange: Exchange, read: Exchange['readRoute']): string | undefined {
  if (read === undefined) return undefined
  try {
    return read(exchange.request)
  } catch (error) {
    exchange.shim.warn(
      'FASTEN_ROUTE',
      'the http shim could not read what the framework matched; rows go without',
      error,
    )
    return undefined
  }
}
