// SPDX-License-Identifier: Apache-2.0
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ClientRequest } from 'node:http'
import { currentContext } from '../../context.ts'
import { exchangeOf } from './exchange-key.ts'
import { startTrace } from './exchange.ts'
import { formatTraceparent } from '../../trace-context.ts'
import { activeSpan } from '../../trace-bridge.ts'
import { addYielding, namesIn, type UndiciRequest } from './undici-headers.ts'

/**
 * Hosts that may be told the ids: `api.example.com` (any port), `localhost:3000` (that port), `*.example.com` (every
 * name below it), `*` (every host; say it only inside a closed network), a pattern tried on `host:port`, or a function.
 */
export type HostRule = string | RegExp | ((url: URL) => boolean)

export interface PropagationOptions {
  /** Who is told. Required: nobody is by default, since ids tell one party what you do with another. */
  readonly hosts: readonly HostRule[] | HostRule
  /** The header the request id travels in. Default `x-request-id`. */
  readonly requestIdHeader?: string
}

/**
 * The headers that carry the work in progress to another service: `x-request-id`, inside a trace `traceparent` with
 * our span as the parent and the `tracestate` that came in, and the `baggage` that came in. Empty outside any request. Never throws. For clients that
 * nothing below instruments: `client.send(body, { headers: { ...propagationHeaders() } })`.
 */
export function propagationHeaders(requestIdHeader = 'x-request-id'): { readonly [name: string]: string } {
  const context = currentContext()
  if (context === undefined) return {}
  const exchange = exchangeOf(context)
  const span = activeSpan()
  if (
    span === undefined &&
    exchange !== undefined &&
    context.trace_id === undefined &&
    exchange.shim.startTrace === 'outbound' &&
    !exchange.isEnded
  ) {
    startTrace(exchange)
  }
  // Whoever else instruments the call puts the active span's ids there, and two parents would contradict each other.
  const trace_id = span?.trace_id ?? context.trace_id ?? exchange?.context.trace_id
  const span_id = span?.span_id ?? context.span_id ?? exchange?.context.span_id
  const headers: { [name: string]: string } = { [requestIdHeader]: context.request_id }
  const baggage = context.baggage ?? exchange?.baggage
  if (baggage !== undefined) headers['baggage'] = baggage
  if (trace_id === undefined || span_id === undefined) return headers
  headers['traceparent'] = formatTraceparent(
    trace_id,
    span_id,
    span?.trace_flags ?? context.trace_flags ?? exchange?.traceFlags ?? 0,
  )
  const tracestate = span === undefined ? (context.tracestate ?? exchange?.tracestate) : span.tracestate
  if (tracestate !== undefined) headers['tracestate'] = tracestate
  return headers
}

/**
 * Sends the ids along with every request of the built-in `fetch` and of every copy of undici to the opted-in hosts.
 * Nothing is replaced: undici announces its requests on a diagnostics channel. Each hop of a redirect is judged by its
 * own host, so a redirect cannot carry the ids to one that was not opted in. A header already there is left alone, and one
 * that another listener adds later takes the place of ours. Returns a function that stops it.
 */
export function instrumentFetch(options: PropagationOptions): () => void {
  const propagation = compilePropagation(options)
  return listen('undici:request:create', (message) => {
    const { request } = message as { readonly request: UndiciRequest }
    if (request.origin === undefined || request.origin === null || currentContext() === undefined) return
    const url = urlOf(String(request.origin))
    if (url === undefined || !propagation.isTold(url)) return
    addYielding(request, propagation.headers(namesIn(request)))
  })
}

/**
 * The same for `node:http` and `node:https` clients, and what is built on them (axios, got, the AWS SDK). A request made
 * with `headers` as a flat array, or with `Expect`, has its head written before anybody is told: add
 * `propagationHeaders()` there yourself. Requests over a Unix socket are left alone. Needs Node.js 22.12.
 */
export function instrumentHttp(options: PropagationOptions): () => void {
  const propagation = compilePropagation(options)
  return listen('http.client.request.created', (message) => {
    const { request } = message as { readonly request: ClientRequest & { readonly socketPath?: string } }
    if (
      currentContext() === undefined ||
      request.headersSent ||
      hasHead(request) ||
      request.socketPath !== undefined
    )
      return
    const url = urlOf(`${request.protocol}//${authorityOf(request)}`)
    if (url === undefined || !propagation.isTold(url)) return
    const present = new Set(request.getHeaderNames())
    for (const [name, value] of propagation.headers(present)) request.setHeader(name, value)
  })
}

function listen(channel: string, hear: (message: unknown) => void): () => void {
  subscribe(channel, hear)
  return () => void unsubscribe(channel, hear)
}

/** An undici interceptor's two halves, loosely enough that every version's typings fit. */
export type UndiciDispatch = (options: never, handler: never) => boolean

/**
 * The same for one undici dispatcher instead of all: `new Agent().compose(undiciInterceptor({ hosts }))`. Compose it
 * outside a redirect interceptor and the hops are judged by the first host; inside, each by its own.
 */
export function undiciInterceptor(
  options: PropagationOptions,
): <Dispatch extends UndiciDispatch>(dispatch: Dispatch) => Dispatch {
  const propagation = compilePropagation(options)
  return <Dispatch extends UndiciDispatch>(dispatch: Dispatch) => {
    const intercepted = (request: DispatchOptions, handler: unknown): boolean =>
      (dispatch as unknown as LooseDispatch)(withHeaders(propagation, request), handler)
    return intercepted as unknown as Dispatch
  }
}

type LooseDispatch = (request: DispatchOptions, handler: unknown) => boolean

interface DispatchOptions {
  readonly origin?: string | URL
  readonly headers?: unknown
}

function withHeaders(propagation: Propagation, request: DispatchOptions): DispatchOptions {
  const url =
    request.origin === undefined || currentContext() === undefined ? undefined : urlOf(String(request.origin))
  if (url === undefined || !propagation.isTold(url)) return request
  const given: unknown = request.headers ?? {}
  const pairs = pairsOf(given)
  const added = propagation.headers(new Set(pairs.map(([name]) => name.toLowerCase())))
  if (added.length === 0) return request
  // A flat list is the one form that keeps names given twice.
  return { ...request, headers: [...pairs, ...added].flat() }
}

function pairsOf(headers: unknown): (readonly [string, unknown])[] {
  if (Array.isArray(headers)) {
    const list: readonly unknown[] = headers
    return list.flatMap((name, place) => (place % 2 === 0 ? [[String(name), list[place + 1]] as const] : []))
  }
  const isIterable = typeof headers === 'object' && headers !== null && Symbol.iterator in headers
  return isIterable ? [...(headers as Iterable<readonly [string, unknown]>)] : Object.entries(Object(headers))
}

interface Propagation {
  isTold(url: URL): boolean
  /** What is to be added to headers that hold the names in `present` (lower case) already. */
  headers(present: ReadonlySet<string>): (readonly [string, string])[]
}

function compilePropagation(options: PropagationOptions): Propagation {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('hosts: say which hosts may be told the ids')
  const isTold = compileHosts(options.hosts)
  const { requestIdHeader } = options
  if (requestIdHeader !== undefined && !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(requestIdHeader))
    throw new TypeError(`requestIdHeader: ${JSON.stringify(requestIdHeader)} is not a header name`)
  return {
    isTold,
    headers(present) {
      // A tracestate belongs to its traceparent: beside somebody else's it would say the wrong thing.
      const hasTrace = present.has('traceparent')
      return Object.entries(propagationHeaders(requestIdHeader)).filter(
        ([name]) => !present.has(name.toLowerCase()) && !(hasTrace && name === 'tracestate'),
      )
    },
  }
}

function compileHosts(hosts: PropagationOptions['hosts']): (url: URL) => boolean {
  const given: readonly HostRule[] = Array.isArray(hosts) ? hosts : [hosts as HostRule]
  const rules = given.map(compileHost)
  let isWarned = false
  return (url) => {
    try {
      return rules.some((rule) => rule(url))
    } catch (error) {
      // Diagnostics channels turn a throw into an uncaught exception; a host nobody vouched for is not told.
      if (!isWarned)
        process.emitWarning(`a function in "hosts" threw: ${String(error)}`, {
          type: 'FastenWarning',
          code: 'FASTEN_HOST_RULE',
        })
      isWarned = true
      return false
    }
  }
}

const hostRule = /^(\*|(?:\*\.)?[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/

function compileHost(rule: HostRule): (url: URL) => boolean {
  if (typeof rule === 'function') return rule
  if (rule instanceof RegExp) {
    const pattern = new RegExp(rule.source, rule.flags.replace(/[gy]/g, ''))
    return (url) => pattern.test(`${url.hostname}:${portOf(url)}`)
  }
  const parts = typeof rule === 'string' ? hostRule.exec(rule.toLowerCase()) : null
  if (parts === null)
    throw new TypeError(
      `hosts: ${JSON.stringify(rule)} is not a host like "api.example.com", "localhost:3000" or "*.example.com"`,
    )
  const [, name = '', port] = parts
  const isName =
    name === '*'
      ? () => true
      : name.startsWith('*.')
        ? (hostname: string) => hostname.endsWith(name.slice(1)) && hostname.length > name.length - 1
        : (hostname: string) => hostname === name
  return (url) => isName(withoutDot(url.hostname)) && (port === undefined || port === portOf(url))
}

/** `example.com.` is the same host as `example.com`. */
function withoutDot(hostname: string): string {
  return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname
}

function portOf(url: URL): string {
  return url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port
}

function urlOf(origin: string): URL | undefined {
  return URL.canParse(origin) ? new URL(origin) : undefined
}

/** Whether Node.js has put the head together already, which it does at once for some forms of options. */
function hasHead(request: ClientRequest): boolean {
  const { _header: head } = request as { readonly _header?: unknown }
  return head !== undefined && head !== null
}

/** Host and port a request goes to; the port is told only by the Host header, which is believed when it names the host. */
function authorityOf(request: ClientRequest): string {
  const host = request.host.includes(':') ? `[${request.host}]` : request.host
  const header = request.getHeader('host')
  return typeof header === 'string' && header.toLowerCase().startsWith(`${host.toLowerCase()}:`)
    ? header
    : host
}
