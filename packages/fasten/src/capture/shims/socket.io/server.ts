// SPDX-License-Identifier: Apache-2.0
import { runWithContext, type RequestContext } from '../../context.ts'
import { patchMethod } from '../patch.ts'
import { contextOfHandshake, type Handshake } from '../ws/server.ts'

/** A namespace of Socket.IO, or its server, which stands for the main one. */
export interface IoNamespace {
  use(middleware: never): unknown
}

interface IoSocket {
  readonly handshake: { readonly headers: Handshake['headers']; readonly address?: string }
  use(middleware: (event: unknown, next: () => void) => void): unknown
  emitReserved(name: string, ...values: unknown[]): boolean
}

const known = new WeakSet<IoNamespace>()

/**
 * Makes connections to a namespace of Socket.IO belong to the request that asked for them, by the ids in the headers of the handshake: later middleware, the listeners of
 * `connection`, of every event and of `disconnect` run in its context. Call it before other middleware is added, once for each namespace. What goes over the wire is not touched:
 * acknowledgements, rooms and binary attachments stay as they are. A second call changes nothing.
 */
export function instrumentNamespace(namespace: IoNamespace): void {
  if (typeof namespace?.use !== 'function')
    throw new TypeError('namespace: give a Server or a Namespace of socket.io')
  if (known.has(namespace)) return
  known.add(namespace)
  const enter = (socket: IoSocket, next: () => void): void => {
    const { headers, address } = socket.handshake
    const context: RequestContext = {
      ...contextOfHandshake({ headers, socket: { remoteAddress: address } }),
      method: 'socket.io',
    }
    socket.use((_event, done) => runWithContext(context, done))
    patchMethod(socket, 'emitReserved', (emit) => {
      return function (this: IoSocket, ...values) {
        return runWithContext(context, () => Reflect.apply(emit, this, values))
      }
    })
    runWithContext(context, next)
  }
  namespace.use(enter as never)
}
