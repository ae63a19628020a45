// SPDX-License-Identifier: Apache-2.0
import type { ActorKind } from '../../../core/row.ts'
import { currentFasten } from '../../init.ts'
import type { Fasten } from '../../engine.ts'
import { compileTrust, type ForwardedHeader, type Trust, type TrustProxy } from './client-address.ts'
import { compileSkip, type SkippableAccess, type SkipRule } from './skip.ts'
import { createHexSource } from '../../trace-context.ts'

/** What a shim needs of an instance; any `Fasten` is one. */
export type HttpRecorder = Pick<Fasten, 'recordApi' | 'mintID'>

/** Who is behind a request. The camelCase twin of each member is accepted. */
export interface ActorFacts {
  readonly actor?: string
  readonly actor_kind?: ActorKind
  readonly on_behalf_of?: string
  readonly auth_method?: string
  readonly session_id?: string
  readonly tenant_id?: string

  readonly actorKind?: ActorKind
  readonly onBehalfOf?: string
  readonly authMethod?: string
  readonly sessionId?: string
  readonly tenantId?: string
}

/** Asked with the framework's own request; undefined while nobody is known. */
export type ActorHook<Request> = (request: Request) => ActorFacts | string | null | undefined

export interface HttpOptions<Request = unknown> {
  /** Where rows go: an instance, or a function asked at each request. Default: the process's own instance. */
  readonly fasten?: HttpRecorder | (() => HttpRecorder | undefined)
  /** Accesses that get no api row (health checks, assets); their requests keep an id and a context. Default: none. */
  readonly skip?: readonly SkipRule[] | SkipRule
  /** Headers an id is taken from, first one present wins. Default `x-request-id`. */
  readonly requestIdHeader?: string | readonly string[]
  /** Whether the answer names the id, in the first of `requestIdHeader`, or in the header given here. Default true. */
  readonly echo?: boolean | string
  /** Whether the answer names trace and span in `traceresponse` (W3C level 2). Default false. */
  readonly traceresponse?: boolean
  /**
   * When a trace is begun for a request that came without a valid `traceparent`: `never`; when the first `outbound` call
   * is made for it; or for `every` request (80 bytes more in each row; while OpenTelemetry is bridged in, it begins them). Default `outbound`.
   */
  readonly startTrace?: 'never' | 'outbound' | 'every'
  /** Which peers may name the client's address. Default false: nobody, `source.ip` is the socket's peer. */
  readonly trustProxy?: TrustProxy
  /**
   * The one header trusted peers write. Only one is read, because the other passes through most proxies untouched and is
   * then the client's own word. Default `x-forwarded-for`.
   */
  readonly forwardedHeader?: ForwardedHeader
  /** The address of the peer where there is no socket to ask (edge runtimes, custom transports). */
  readonly peerAddress?: (request: Request) => string | undefined
  /**
   * Who is behind the request. Asked when a row first needs it and again until it answers, at the latest when the
   * request ends, so it may read what authentication found later. `setActor` goes before it. Must not be async.
   */
  readonly actor?: ActorHook<Request>
  /** Whether body bytes are counted into `bytes_in` and `bytes_out`. Default true. */
  readonly bodyBytes?: boolean
}

/** The options, checked and compiled: made once when the shim is wired, read on every request. */
export interface HttpShim {
  readonly recorder: () => HttpRecorder | undefined
  readonly isSkipped: ((access: SkippableAccess) => boolean) | undefined
  /** Lower case, at least one. */
  readonly requestIdHeaders: readonly string[]
  readonly echoHeader: string | undefined
  readonly hasTraceresponse: boolean
  readonly startTrace: 'never' | 'outbound' | 'every'
  readonly trust: Trust | undefined
  readonly forwardedHeader: ForwardedHeader
  readonly peerAddress: ((request: unknown) => string | undefined) | undefined
  readonly actor: ActorHook<unknown> | undefined
  readonly isCounting: boolean
  readonly randomHex: (bytes: number) => string
  /** Says once per kind of complaint that a hook misbehaved; requests are never failed for it. */
  readonly warn: (code: string, message: string, cause: unknown) => void
}

/** Checks and compiles the options. Throws TypeError naming the option that is wrong or unknown. */
export function createHttpShim<Request = unknown>(options: HttpOptions<Request> = {}): HttpShim {
  if (typeof options !== 'object' || options === null)
    throw new TypeError('options: give an object or nothing')
  for (const name of Object.keys(options))
    if (!optionNames.has(name))
      throw new TypeError(`${name}: no such option; known are ${[...optionNames].join(', ')}`)
  const requestIdHeaders = headerNames('requestIdHeader', options.requestIdHeader ?? 'x-request-id')
  return {
    recorder: recorderOf(options.fasten),
    isSkipped: compileSkip(options.skip),
    requestIdHeaders,
    echoHeader: echoHeader(options.echo, requestIdHeaders),
    hasTraceresponse: flag('traceresponse', options.traceresponse, false),
    startTrace: oneOf('startTrace', options.startTrace ?? 'outbound', ['never', 'outbound', 'every']),
    trust: compileTrust(options.trustProxy),
    forwardedHeader: oneOf('forwardedHeader', options.forwardedHeader ?? 'x-forwarded-for', [
      'x-forwarded-for',
      'forwarded',
    ]),
    // The adapter hands each hook the request type its own signature names.
    peerAddress: hook('peerAddress', options.peerAddress) as HttpShim['peerAddress'],
    actor: hook('actor', options.actor) as HttpShim['actor'],
    isCounting: flag('bodyBytes', options.bodyBytes, true),
    randomHex: createHexSource(),
    warn: warnOnce(),
  }
}

const optionNames: ReadonlySet<string> = new Set<keyof HttpOptions>([
  'fasten',
  'skip',
  'requestIdHeader',
  'echo',
  'traceresponse',
  'startTrace',
  'trustProxy',
  'forwardedHeader',
  'peerAddress',
  'actor',
  'bodyBytes',
])

function recorderOf(given: HttpOptions['fasten']): () => HttpRecorder | undefined {
  if (given === undefined) return currentFasten
  if (typeof given === 'function') return given
  if (typeof given !== 'object' || given === null || typeof given.recordApi !== 'function')
    throw new TypeError('fasten: give an instance (from init or createFasten) or a function that returns one')
  return () => given
}

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

function headerNames(option: string, given: string | readonly string[]): readonly string[] {
  const names = typeof given === 'string' ? [given] : given
  if (!Array.isArray(names) || names.length === 0)
    throw new TypeError(`${option}: give a header name or a list of them`)
  return names.map((name: unknown) => {
    if (typeof name !== 'string' || !token.test(name))
      throw new TypeError(`${option}: ${JSON.stringify(name)} is not a header name`)
    return name.toLowerCase()
  })
}

function echoHeader(
  given: boolean | string | undefined,
  requestIdHeaders: readonly string[],
): string | undefined {
  if (given === false) return undefined
  if (given === undefined || given === true) return requestIdHeaders[0]
  return headerNames('echo', given)[0]
}

function flag(option: string, given: boolean | undefined, otherwise: boolean): boolean {
  if (given !== undefined && typeof given !== 'boolean') throw new TypeError(`${option}: give true or false`)
  return given ?? otherwise
}

function oneOf<T extends string>(option: string, given: T, known: readonly T[]): T {
  if (!known.includes(given)) throw new TypeError(`${option}: "${given}" is none of ${known.join(', ')}`)
  return given
}

function hook<T>(option: string, given: T | undefined): T | undefined {
  if (given !== undefined && typeof given !== 'function') throw new TypeError(`${option}: give a function`)
  return given
}

function warnOnce(): HttpShim['warn'] {
  const said = new Set<string>()
  return (code, message, cause) => {
    if (said.has(code)) return
    said.add(code)
    const detail = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    process.emitWarning(message, { type: 'FastenWarning', code, detail })
  }
}
