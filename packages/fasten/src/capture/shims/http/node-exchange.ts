// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { systemCode } from '../../../core/error.ts'
import { currentExchange, exchangeKey } from './exchange-key.ts'
import { beginExchange, endExchange, joinSpan, traceresponse, type Exchange } from './exchange.ts'
import { errorName } from './failure.ts'
import { emitKept, keepContext, keepContextNow, type ContextKeeping } from './keep-context.ts'
import type { HttpShim } from './options.ts'
import { watchPipelined } from './pipelined.ts'

type Method = (...values: unknown[]) => unknown

/** What was on `res` before the shim laid its own over it: the prototype's, or another instrumentation's. */
interface Before {
  readonly writeHead: Method
  readonly write: Method
  readonly end: Method
}

interface NodeExchange extends Exchange {
  before: Before
}

interface InstrumentedResponse extends ContextKeeping {
  writeHead: Method
  write: Method
  end: Method
  hasHeader(name: string): boolean
}

/** The exchange begun for a `req` or `res`, if one was. */
export function nodeExchange(message: object): Exchange | undefined {
  return (message as ContextKeeping)[exchangeKey]
}

/**
 * A request has reached Node.js: begins its exchange, or gives back the one an outer shim began. The answer will carry
 * the request id, listeners on `req` and `res` run in the context, and the api row is written when `res` closes, however
 * that comes about.
 */
export function beginNodeExchange(
  shim: HttpShim,
  req: IncomingMessage,
  res: ServerResponse,
  target: string = req.url ?? '/',
): Exchange {
  const known = nodeExchange(req)
  if (known !== undefined) return known
  const { headers } = req
  const exchange = beginExchange(shim, {
    method: req.method ?? 'GET',
    target,
    headers,
    peerAddress: req.socket.remoteAddress,
    request: req,
  })
  exchange.response = res
  exchange.hasBody = hasBody(req, headers)
  instrumentRequest(exchange, req)
  instrumentResponse(exchange as NodeExchange, res as unknown as InstrumentedResponse)
  if (res.socket === null) watchPipelined(req, res, endCut)
  return exchange
}

function instrumentRequest(exchange: Exchange, req: IncomingMessage): void {
  const emitter = req as unknown as ContextKeeping
  emitter[exchangeKey] = exchange
  if (exchange.shim.isCounting && exchange.hasBody) keepContextNow(emitter, countingEmit)
  else keepContext(emitter)
}

/** Every way of reading a body passes it through `data` events, even where nobody listens for them. */
function countingEmit(this: ContextKeeping, name: string | symbol, ...values: unknown[]): boolean {
  if (name === 'data') (this[exchangeKey] as Exchange).bytesIn += sizeOf(values[0], 'utf8')
  return emitKept(this, name, values)
}

function instrumentResponse(exchange: NodeExchange, res: InstrumentedResponse): void {
  const { shim } = exchange
  res[exchangeKey] = exchange
  exchange.before = methodsOf(res)
  res.on('close', onClose)
  keepContext(res)
  if (shim.echoHeader !== undefined || shim.hasTraceresponse) res.writeHead = markingWriteHead
  if (shim.isCounting) {
    res.write = countingWrite
    res.end = countingEnd
  }
}

let lastMethods: Before | undefined

/** Responses of one kind have the same methods, so the object that holds them is shared while that stays so. */
function methodsOf({ writeHead, write, end }: InstrumentedResponse): Before {
  if (lastMethods?.writeHead === writeHead && lastMethods.write === write && lastMethods.end === end)
    return lastMethods
  lastMethods = { writeHead, write, end }
  return lastMethods
}

function onClose(this: ContextKeeping): void {
  endNodeExchange(this[exchangeKey] as Exchange, this as unknown as ServerResponse)
}

function endCut(res: ServerResponse): void {
  const exchange = nodeExchange(res)
  if (exchange !== undefined) endNodeExchange(exchange, res)
}

function exchangeOn(message: ContextKeeping): NodeExchange {
  return message[exchangeKey] as NodeExchange
}

/**
 * The request id joins the headers when they are written. Setting it beforehand would send Node.js (and every framework
 * that hands its headers to `writeHead`) down the slow way of setting them one by one, a microsecond per request.
 * A header of that name from the application stands.
 */
function markingWriteHead(this: InstrumentedResponse, ...values: unknown[]): unknown {
  const exchange = exchangeOn(this)
  const place = typeof values[1] === 'string' || (values[1] === undefined && values.length > 2) ? 2 : 1
  const { echoHeader } = exchange.shim
  if (!exchange.hasSpan && currentExchange() === exchange) joinSpan(exchange)
  if (echoHeader !== undefined)
    values[place] = withHeader(this, values[place], echoHeader, exchange.context.request_id)
  const trace = traceresponse(exchange)
  if (trace !== undefined) values[place] = withHeader(this, values[place], 'traceresponse', trace)
  return exchange.before.writeHead.apply(this, values)
}

function withHeader(res: InstrumentedResponse, given: unknown, name: string, value: string): unknown {
  if (res.hasHeader(name)) return given
  if (given === undefined || given === null) return { [name]: value }
  if (Array.isArray(given)) {
    const isPairs = Array.isArray(given[0])
    const names: unknown[] = isPairs
      ? given.map((pair: unknown[]) => pair[0])
      : given.filter((_, at) => at % 2 === 0)
    if (names.some((other) => isNamed(other, name))) return given
    return isPairs ? [...given, [name, value]] : [...given, name, value]
  }
  for (const other in given) if (isNamed(other, name)) return given
  // A copy, because applications keep headers in constants.
  return { ...given, [name]: value }
}

function isNamed(other: unknown, name: string): boolean {
  // Most names differ in their first letter, which is told without making a string.
  return (
    typeof other === 'string' &&
    other.length === name.length &&
    (other.charCodeAt(0) | 32) === (name.charCodeAt(0) | 32) &&
    other.toLowerCase() === name
  )
}

function countingWrite(this: InstrumentedResponse, ...values: unknown[]): unknown {
  const exchange = exchangeOn(this)
  exchange.bytesOut += sizeOf(values[0], values[1])
  return exchange.before.write.apply(this, values)
}

function countingEnd(this: InstrumentedResponse, ...values: unknown[]): unknown {
  const exchange = exchangeOn(this)
  exchange.bytesOut += sizeOf(values[0], values[1])
  return exchange.before.end.apply(this, values)
}

function sizeOf(chunk: unknown, encoding: unknown): number {
  if (typeof chunk !== 'string') return chunk instanceof Uint8Array ? chunk.byteLength : 0
  return Buffer.byteLength(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8')
}

/** Writes the api row of a response that has closed. */
function endNodeExchange(exchange: Exchange, res: ServerResponse): void {
  if (exchange.isEnded) return
  const { req } = res
  const fault = isAnswered(res) ? undefined : faultOf(exchange, res)
  const status = fault === undefined || res.headersSent ? res.statusCode : fault.status
  const isCounting = exchange.shim.isCounting
  const isBodiless = req.method === 'HEAD' || status === 204 || status === 304
  endExchange(exchange, {
    status,
    bytes_in: isCounting && exchange.hasBody ? exchange.bytesIn : undefined,
    bytes_out: isCounting ? (isBodiless ? 0 : exchange.bytesOut) : undefined,
    error: fault?.error,
  })
}

/** Whether the whole answer was handed to the system. An HTTP/2 stream ends tidily even when it is reset. */
function isAnswered(res: ServerResponse): boolean {
  const { stream } = res as { stream?: { aborted?: boolean } }
  return res.writableFinished && stream?.aborted !== true
}

interface Fault {
  /** What to record when no status was sent. */
  readonly status: number
  readonly error: string
}

const clientLeft: Fault = { status: 499, error: 'aborted' }
const clientCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'HPE_INVALID_EOF_STATE',
])
/** What Node.js itself answers on the socket when the rest of a request does not come, or not as HTTP. */
const statusByCode: ReadonlyMap<string, number> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 408],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 413],
  ['HPE_HEADER_OVERFLOW', 431],
])

/**
 * Why an answer stayed unfinished: the handler failed, the request could not be read on, the answer was destroyed with
 * an error, the client left, or we hung up ourselves. The last two look alike but for the socket: a client that left
 * has ended or reset its side.
 */
function faultOf(exchange: Exchange, res: ServerResponse): Fault {
  if (exchange.error !== undefined) return { status: 500, error: exchange.error }
  const socket = res.req.socket as Socket | undefined
  const code = systemCode(socket?.errored)
  if (code !== undefined && !clientCodes.has(code)) {
    const status = statusByCode.get(code) ?? (code.startsWith('HPE_') ? 400 : undefined)
    if (status !== undefined) return { status, error: code }
  }
  const { stream } = res as { stream?: { errored?: unknown } }
  const failure: unknown = stream?.errored ?? res.errored
  const isFailure = failure !== undefined && failure !== null
  if (isFailure && !clientCodes.has(systemCode(failure) ?? ''))
    return { status: 500, error: errorName(failure) }
  const hasClientLeft =
    isFailure || stream !== undefined || code !== undefined || socket?.readableEnded !== false
  if (hasClientLeft) return clientLeft
  const waitedMs = performance.now() - exchange.startedAt
  const { timeout = 0 } = socket
  // A timer of Node.js counts from the last byte, which came shortly before the exchange began.
  return { status: 500, error: timeout > 0 && waitedMs >= 0.9 * timeout ? 'timeout' : 'destroyed' }
}

/** An HTTP/2 request may have a body that no header tells of, if its stream is not over with the headers. */
function hasBody(req: IncomingMessage, headers: IncomingMessage['headers']): boolean {
  const length = headers['content-length']
  if (length !== undefined) return length !== '0'
  if (headers['transfer-encoding'] !== undefined) return true
  return (
    req.httpVersionMajor === 2 &&
    (req as { stream?: { endAfterHeaders?: boolean } }).stream?.endAfterHeaders === false
  )
}
