// SPDX-License-Identifier: Apache-2.0
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { runExchange } from './exchange-key.ts'
import { noteFailure } from './failure.ts'
import { beginNodeExchange } from './node-exchange.ts'
import { createHttpShim, type HttpOptions, type HttpShim } from './options.ts'
import { beginUpgrade } from './upgrade.ts'

/**
 * A request handler of `http.createServer` that runs in a context with a request id and leaves one api row per request.
 * What the handler returns or throws goes through unchanged.
 */
export function wrap<Result>(
  handler: (req: IncomingMessage, res: ServerResponse) => Result,
  options: HttpOptions<IncomingMessage> = {},
): (req: IncomingMessage, res: ServerResponse) => Result {
  if (typeof handler !== 'function') throw new TypeError('handler: give a function of (req, res)')
  const shim = createHttpShim(options)
  return (req, res) => runHandler(shim, req, res, handler)
}

function runHandler<Result>(
  shim: HttpShim,
  req: IncomingMessage,
  res: ServerResponse,
  handle: (req: IncomingMessage, res: ServerResponse) => Result,
): Result {
  const exchange = beginNodeExchange(shim, req, res)
  try {
    const result = runExchange(exchange, handle, req, res)
    if (!(result instanceof Promise)) return result
    // The derived promise takes the place of the handler's own, so that a rejection nobody handles stays unhandled.
    return result.then(undefined, (failure: unknown) => {
      noteFailure(exchange, failure)
      throw failure
    }) as Result
  } catch (failure) {
    noteFailure(exchange, failure)
    throw failure
  }
}

/** What `instrumentServer` needs of a server; those of node:http, node:https and node:http2 (compatibility API) are. */
export interface NodeServer {
  readonly listening: boolean
  emit(name: string | symbol, ...values: unknown[]): boolean
  on(name: 'listening' | 'close', listener: () => void): unknown
  removeListener(name: 'listening' | 'close', listener: () => void): unknown
}

/**
 * Puts the shim under everything a server answers: every listener runs in its request's context, and rows are also left
 * by what never reaches one (no Host header, a failed expectation, too many requests on a socket), by upgrades and by
 * CONNECT. A framework's own shim on top adds the route. Returns a function that takes the shim out again.
 */
export function instrumentServer(server: NodeServer, options: HttpOptions<IncomingMessage> = {}): () => void {
  return instrumentWith(server, createHttpShim(options))
}

/** The same with options already compiled, for adapters that share them with their framework's hooks. */
export function instrumentWith(server: NodeServer, shim: HttpShim): () => void {
  const emit = server.emit
  const hadOwn = Object.hasOwn(server, 'emit')
  let isActive = true
  const answerers = new Map(
    ['request', 'checkContinue', 'checkExpectation'].map((name) => [
      name as string | symbol,
      (req: IncomingMessage, res: ServerResponse): boolean => emit.call(server, name, req, res),
    ]),
  )
  const emitInContext = (name: string | symbol, ...values: unknown[]): boolean => {
    const answer = isActive ? answerers.get(name) : undefined
    if (answer !== undefined)
      return runHandler(shim, values[0] as IncomingMessage, values[1] as ServerResponse, answer)
    const pass = (): boolean => emit.call(server, name, ...values)
    return isActive && (name === 'upgrade' || name === 'connect') && isRequest(values[0])
      ? runUpgrade(shim, values[0], values[1] as Duplex, pass)
      : pass()
  }
  server.emit = emitInContext
  const stopListening = recordUnheard(server, shim)
  return () => {
    isActive = false
    stopListening()
    // Somebody who wrapped `emit` after us keeps calling ours, which then only passes on.
    if (server.emit !== emitInContext) return
    if (hadOwn) server.emit = emit
    else delete (server as Partial<NodeServer>).emit
  }
}

/** False for what a `connect` event carries on an HTTP/2 server. */
function isRequest(value: unknown): value is IncomingMessage {
  return typeof value === 'object' && value !== null && 'headers' in value && 'httpVersion' in value
}

function runUpgrade(shim: HttpShim, req: IncomingMessage, socket: Duplex, pass: () => boolean): boolean {
  const exchange = beginUpgrade(shim, req, socket)
  try {
    return runExchange(exchange, pass)
  } catch (failure) {
    noteFailure(exchange, failure)
    throw failure
  }
}

/**
 * Begins exchanges as early as Node.js tells of them, before it answers by itself what no listener will see. Follows a
 * server only while it listens, so that a closed one is not kept alive by the channel.
 */
function recordUnheard(server: NodeServer, shim: HttpShim): () => void {
  const onStart = (message: unknown): void => {
    const {
      server: whose,
      request,
      response,
    } = message as {
      readonly server: unknown
      readonly request: IncomingMessage
      readonly response: ServerResponse
    }
    if (whose === server) beginNodeExchange(shim, request, response)
  }
  const stop = (): void => void unsubscribe('http.server.request.start', onStart)
  const start = (): void => {
    stop()
    subscribe('http.server.request.start', onStart)
  }
  server.on('listening', start)
  server.on('close', stop)
  if (server.listening) start()
  return () => {
    stop()
    server.removeListener('listening', start)
    server.removeListener('close', stop)
  }
}
