// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce } from '../patch.ts'
import { patchClient, type ClientSocket } from './client.ts'
import { patchServer, type ServerNamespace, type ServerSocket } from './server.ts'

/** The part of `socket.io` or of `socket.io-client` that is patched; either module itself is that. */
export interface SocketIoModule {
  readonly Socket: { readonly prototype: object }
  /** Only servers have it. */
  readonly Namespace?: { readonly prototype: object }
  /** Only clients have it. */
  readonly Manager?: { readonly prototype: object }
}

export interface SocketIoOptions {
  /**
   * Whether this end says in the handshake that it understands ids beside events: a client by a member `fasten` in `auth`, which a server that is not
   * instrumented would see there, a server in its answer. False leaves the ids of the connection alone. Default true.
   */
  readonly negotiates?: boolean
}

const known = new WeakMap<object, () => void>()

/**
 * Instruments `socket.io` or `socket.io-client` in place. Connections belong to the request that asked for them, and where both ends are
 * instrumented, each event, either way, is heard under the id of whoever emitted it; its acknowledgement comes back to that one. Peers that are not instrumented
 * get what they always got. For connections that are made from now on. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentSocketIo(
  io: SocketIoModule,
  { negotiates = true }: SocketIoOptions = {},
): () => void {
  if (typeof negotiates !== 'boolean') throw new TypeError('negotiates: give true or false')
  const [Socket, Namespace, Manager] = [io?.Socket, io?.Namespace, io?.Manager] as readonly unknown[]
  if (typeof Socket !== 'function' || (typeof Namespace !== 'function' && typeof Manager !== 'function'))
    throw new TypeError('io: give the module socket.io or socket.io-client')
  const socket = io.Socket.prototype
  return instrumentOnce(known, socket, () =>
    io.Namespace === undefined
      ? patchClient(socket as ClientSocket, negotiates)
      : patchServer(io.Namespace.prototype as ServerNamespace, socket as ServerSocket, negotiates),
  )
}
