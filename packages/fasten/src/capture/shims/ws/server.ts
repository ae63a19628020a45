// SPDX-License-Identifier: Apache-2.0
import { contextOf, type Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { belongTo, compileOptions, instrumentSocket, type Socket, type WsOptions } from './socket.ts'

/** The request that asked for a WebSocket; that of node:http is one. */
export interface Handshake {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly socket?: { readonly remoteAddress?: string | undefined }
}

/** A server of `ws`, in any of its modes. */
export interface SocketServer {
  handleUpgrade(request: never, socket: never, head: never, done: never): void
}

const known = new WeakMap<SocketServer, () => void>()

/**
 * One server: listeners of `connection` and of each socket run in the context of the handshake. Where an HTTP shim is under the server, that is the context of
 * its request; else the ids in the headers of the handshake. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentSocketServer(server: SocketServer, options: WsOptions = {}): () => void {
  compileOptions(options)
  if (typeof server?.handleUpgrade !== 'function') throw new TypeError('server: give a WebSocketServer')
  return instrumentOnce(known, server, () => [
    patchMethod(
      server,
      'handleUpgrade',
      upgradeWith((socket, context) => instrumentSocket(socket, { ...options, context })),
    ),
  ])
}

type Upgrade = SocketServer['handleUpgrade']

/** Where every connection comes by: the server binds its own `emit` when it is made, so that is too late to be patched. */
export const upgradeWith =
  (instrument: (socket: Socket, context: RequestContext) => void) =>
  (upgrade: Upgrade): Upgrade =>
    function (this: SocketServer, request: Handshake, socket, head, done: (...values: unknown[]) => void) {
      const context = contextOfHandshake(request)
      const connected = (...values: unknown[]): void => {
        const [accepted] = values as [Socket]
        instrument(accepted, context)
        belongTo(accepted, context)
        runWithContext(context, () => done(...values))
      }
      runWithContext(context, () =>
        Reflect.apply(upgrade, this, [request as never, socket, head, connected as never]),
      )
    }

/** The headers of a handshake. Nothing is ever written into them: the client has sent them already. */
const handshakes: Carrier<Handshake> = createHeaderCarrier<Handshake>({
  name: 'ws',
  method: 'websocket',
  get: ({ headers }, name) => headers[name],
  set: (handshake) => handshake,
})

/** The context of a connection. */
export function contextOfHandshake(handshake: Handshake): RequestContext {
  const request = currentContext()
  if (request !== undefined) return { ...request, method: handshakes.method }
  const { headers, socket } = handshake
  const { 'user-agent': agent } = headers
  const ip = socket?.remoteAddress
  const source = {
    ...(ip === undefined ? {} : { ip }),
    ...(typeof agent === 'string' ? { user_agent: agent.slice(0, 1024) } : {}),
  }
  return contextOf(handshakes, handshake, { context: { source } })
}
