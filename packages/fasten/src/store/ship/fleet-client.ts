// SPDX-License-Identifier: Apache-2.0
/**
 * One conversation with a fleet over HTTP: a connection that is kept, one request at a time.
 *
 * Written against node:http and not `fetch`, because its socket can be told not to keep the process alive, and because silence on it can be
 * told from slowness: a request ends when nothing has moved in either direction for a while, not when a slow line takes long.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https'
import { readFileSync } from 'node:fs'
import { FastenError, systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import type { FleetTls } from './fleet-settings.ts'
import { retryAfterMs } from './retry-after.ts'

export interface FleetRequest {
  readonly method: 'GET' | 'POST'
  /** Behind `/ingest/v1`. */
  readonly path: string
  /** `fln_…`; none where the body says who asks. */
  readonly credential?: string
  readonly body?: Uint8Array
  /** Default JSON. */
  readonly contentType?: string
  readonly contentEncoding?: string
}

/** An answer of 200 or 201 as the members of its JSON object. */
export type FleetAnswer = Readonly<Record<string, unknown>>

export interface FleetClientOptions {
  /** Of the fleet, without `/ingest/v1`. */
  readonly url: string
  /** Silence on the line that counts as a lost connection, milliseconds. Default 30,000. */
  readonly silenceMs?: number
  readonly tls?: FleetTls | undefined
  /** Default: over node:http, one connection that is kept. */
  readonly exchange?: Exchange
}

/** One request and its whole answer, whatever its status. Rejects when there is none, and when `signal` aborts. */
export type Exchange = (
  address: URL,
  about: { readonly method: string; readonly headers: Readonly<Record<string, string | number>> },
  body: Uint8Array | undefined,
  signal: AbortSignal,
) => Promise<Received>

export interface Received {
  readonly status: number
  readonly headers: Pick<IncomingMessage['headers'], 'retry-after' | 'date'>
  readonly text: string
}

export interface FleetClient {
  /** For messages: the address without what may be secret. */
  readonly at: string
  /**
   * Throws a `FleetFault`, which says whether and when to ask again; its cause is what told so. Rejects with the reason of `signal` once that
   * aborts.
   */
  ask(request: FleetRequest, signal: AbortSignal): Promise<FleetAnswer>
  /** Lets go of the connection. The next request makes another, with the certificates that lie there then. */
  close(): void
}

/** Why a fleet did not do what it was asked, and what there is to do about it. */
export class FleetFault extends Error {
  readonly kind: FaultKind
  /** What is told: `FLEET_UNREACHABLE`, `FLEET_REFUSED` or `FLEET_ANSWER`. */
  readonly error: FastenError
  /** Of the answer; undefined where there was none. */
  readonly status: number | undefined
  /** What the fleet asked to wait. */
  readonly waitMs: number | undefined
  /** A connection that rested was closed just as it was to be used, as a server does that ends: another one may do. */
  readonly isStale: boolean

  constructor(
    kind: FaultKind,
    error: FastenError,
    about: {
      readonly status?: number
      readonly waitMs?: number | undefined
      readonly isStale?: boolean
    } = {},
  ) {
    super(error.message)
    this.kind = kind
    this.error = error
    this.status = about.status
    this.waitMs = about.waitMs
    this.isStale = about.isStale === true
  }
}

/** `later`: the same again after a wait. `never`: an operator has to do something first. `unfit`: it is about this body. */
export type FaultKind = 'later' | 'never' | 'unfit'

const answerBytesMax = 16 << 20

/** Throws a TypeError for an address that cannot be one. */
export function createFleetClient({
  url,
  silenceMs = 30_000,
  tls = {},
  exchange: given,
}: FleetClientOptions): FleetClient {
  const base = new URL(url)
  const isTls = base.protocol === 'https:'
  const send = isTls ? httpsRequest : httpRequest
  let agent: HttpAgent | undefined
  const at = `${base.origin}${base.pathname}`.replace(/\/+$/, '')
  const exchange = given ?? overHttp

  async function ask(asked: FleetRequest, signal: AbortSignal): Promise<FleetAnswer> {
    const { method, path, body, credential, contentType = 'application/json', contentEncoding } = asked
    const headers = {
      accept: 'application/json',
      ...(credential === undefined ? {} : { authorization: `Bearer ${credential}` }),
      ...(body === undefined ? {} : { 'content-type': contentType, 'content-length': body.length }),
      ...(contentEncoding === undefined ? {} : { 'content-encoding': contentEncoding }),
    }
    let received: Received
    try {
      received = await exchange(new URL(`${at}/ingest/v1${path}`), { method, headers }, body, signal)
    } catch (cause) {
      signal.throwIfAborted()
      const error =
        cause instanceof FastenError ? cause : unreachable(`cannot be reached: ${reasonOf(cause)}`, cause)
      throw new FleetFault('later', error, cause as { readonly isStale?: boolean })
    }
    return answerOf(received)
  }

  function connection(): HttpAgent {
    const kept = { keepAlive: true, maxSockets: 1 }
    if (!isTls) return new HttpAgent(kept)
    const { certFile, keyFile, caFile } = tls
    return new HttpsAgent({ ...kept, ...pem('cert', certFile), ...pem('key', keyFile), ...pem('ca', caFile) })
  }

  async function overHttp(...[address, about, body, signal]: Parameters<Exchange>): Promise<Received> {
    agent ??= connection()
    return new Promise((resolve, reject) => {
      const request = send(address, { ...about, agent, signal, timeout: silenceMs }, (response) => {
        receive(response, at).then(resolve, reject)
      })
      request.on('socket', (socket) => socket.unref())
      request.on('timeout', () =>
        request.destroy(unreachable(`is silent: nothing moved on the line for ${silenceMs} ms`)),
      )
      request.on('error', (error) => {
        const isStale = request.reusedSocket && codeOf(error) === 'ECONNRESET'
        reject(isStale ? Object.assign(error, { isStale }) : error)
      })
      request.end(body)
    })
  }

  function answerOf({ status, headers, text }: Received): FleetAnswer {
    const value = objectIn(text)
    if (status === 200 || status === 201) {
      if (value !== undefined) return value
      throw new FleetFault('later', answerFault(at, 'its answer is no JSON object'), { status })
    }
    const { code, detail, hint } = value ?? {}
    const said = [code, detail].filter((part) => typeof part === 'string').join(': ')
    const message = `answered ${status}${said === '' ? '' : ` ${said.slice(0, 300)}`}`
    const waitMs = retryAfterMs(headers['retry-after'], headers.date)
    if (status === 429 || status === 408 || status >= 500)
      throw new FleetFault('later', unreachable(message), { status, waitMs })
    const isUnfit = status === 400 || status === 413 || status === 415 || status === 422
    throw new FleetFault(
      isUnfit ? 'unfit' : 'never',
      new FastenError('FLEET_REFUSED', `the fleet ${message}`, {
        at,
        hint: typeof hint === 'string' ? hint.slice(0, 300) : hintFor(status),
      }),
      { status, waitMs },
    )
  }

  function unreachable(why: string, cause?: unknown): FastenError {
    return new FastenError('FLEET_UNREACHABLE', `the fleet ${why}`, {
      at,
      hint: 'rows wait in the store; shipping goes on by itself',
      ...(cause === undefined ? {} : { cause }),
    })
  }

  return {
    at,
    ask,
    close() {
      agent?.destroy()
      agent = undefined
    },
  }
}

/** An answer that is not what the protocol says. */
export function answerFault(at: string, why: string): FastenError {
  return new FastenError('FLEET_ANSWER', `the fleet does not speak fasten-fleet/1: ${why}`, {
    at,
    hint: 'check that FASTEN_FLEET_URL is the address of a fleet, and that no proxy answers in its place',
  })
}

/** Throws `FLEET_CREDENTIAL` for a file that cannot be read. */
function pem(name: 'cert' | 'key' | 'ca', path: string | undefined): Readonly<Record<string, Buffer>> {
  if (path === undefined) return {}
  try {
    return { [name]: readFileSync(path) }
  } catch (cause) {
    throw new FastenError(
      'FLEET_CREDENTIAL',
      `the file of the fleet's ${name} cannot be read: ${systemCode(cause) ?? String(cause)}`,
      {
        at: path,
        hint: `FASTEN_FLEET_${name.toUpperCase()} names a file in PEM that this user may read`,
        cause,
      },
    )
  }
}

async function receive(response: IncomingMessage, at: string): Promise<Received> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > answerBytesMax) throw answerFault(at, `an answer of more than ${answerBytesMax} bytes`)
    chunks.push(chunk)
  }
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString(),
  }
}

function objectIn(text: string): FleetAnswer | undefined {
  try {
    const value: unknown = readJson(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as FleetAnswer)
      : undefined
  } catch (error) {
    // Proxies answer in HTML; the status has said it all.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function hintFor(status: number): string {
  if (status === 401 || status === 403)
    return 'ask the operator of the fleet for a token, and set FASTEN_FLEET_TOKEN to it'
  return 'check FASTEN_FLEET_URL, the address of the fleet without /ingest'
}

const codeOf = (error: unknown): unknown => (error as { readonly code?: unknown }).code

function reasonOf(error: unknown): string {
  const { message } = error as { readonly message?: unknown }
  return String(codeOf(error) ?? message ?? error)
}
