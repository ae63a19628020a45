// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import { exchangeKey } from './exchange-key.ts'
import { beginExchange, endExchange, type Exchange } from './exchange.ts'
import { keepContextNow, type ContextKeeping } from './keep-context.ts'
import { nodeExchange } from './node-exchange.ts'
import type { HttpShim } from './options.ts'

type Method = (...values: unknown[]) => unknown

interface Watched extends ContextKeeping {
  write: Method
  end: Method
}

interface Before {
  readonly write: Method
  readonly end: Method
}

/**
 * Begins the exchange of a request that leaves HTTP (an upgrade, a CONNECT). Whoever takes it over answers by writing a
 * status line to the socket: that line ends the exchange and gives the row its status. A socket that closes without one
 * gives 499. Listeners on the socket keep running in the request's context for as long as it lives.
 */
export function beginUpgrade(shim: HttpShim, req: IncomingMessage, socket: Duplex): Exchange {
  const known = nodeExchange(req)
  if (known !== undefined) return known
  const exchange = beginExchange(shim, {
    method: req.method ?? 'GET',
    target: req.url ?? '/',
    headers: req.headers,
    peerAddress: req.socket.remoteAddress,
    request: req,
  })
  const watched = socket as unknown as Watched
  exchange.before = { write: watched.write, end: watched.end } satisfies Before
  ;(req as { [exchangeKey]?: Exchange })[exchangeKey] = exchange
  watched[exchangeKey] = exchange
  watched.on('close', onClose)
  keepContextNow(watched)
  watched.write = watchWrite
  watched.end = watchEnd
  return exchange
}

function onClose(this: Watched): void {
  const exchange = this[exchangeKey] as Exchange
  const isOurs = exchange.error !== undefined
  endExchange(exchange, { status: isOurs ? 500 : 499, error: exchange.error ?? 'aborted' })
}

function watchWrite(this: Watched, ...values: unknown[]): unknown {
  readStatus(this, values[0])
  return this.write(...values)
}

function watchEnd(this: Watched, ...values: unknown[]): unknown {
  readStatus(this, values[0])
  return this.end(...values)
}

const statusLine = /^HTTP\/1\.[01] ([1-5]\d\d)/

/** Looks at the first bytes only, then gives the socket its own methods back. */
function readStatus(socket: Watched, chunk: unknown): void {
  const exchange = socket[exchangeKey] as Exchange
  Object.assign(socket, exchange.before)
  const head =
    typeof chunk === 'string'
      ? chunk
      : chunk instanceof Uint8Array
        ? Buffer.from(chunk).toString('latin1', 0, 16)
        : ''
  const status = statusLine.exec(head)?.[1]
  if (status !== undefined) endExchange(exchange, { status: Number(status) })
}
