// SPDX-License-Identifier: Apache-2.0
import { instrumentOnce, patchMethod } from '../patch.ts'
import { upgradeWith, type SocketServer } from './server.ts'
import { belongToMaker, compileOptions, emitWith, sendWith, type Socket, type WsOptions } from './socket.ts'

/** The part of `ws` that is patched; the module itself is that. */
export interface WsModule {
  readonly WebSocket: { readonly prototype: WsSocket }
  readonly WebSocketServer: { readonly prototype: SocketServer }
}

type WsSocket = Required<Pick<Socket, 'send' | 'emit'>> & {
  on(name: never, listener: never): unknown
}

const known = new WeakMap<object, () => void>()

/**
 * Instruments `ws` in place: connections that servers take from now on, and clients that get their first listener from now on, which then belong to the
 * work that listens. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentWs(ws: WsModule, options: WsOptions = {}): () => void {
  const isModule = [ws?.WebSocket, ws?.WebSocketServer].every((part: unknown) => typeof part === 'function')
  if (!isModule) throw new TypeError('ws: give the module ws')
  const shim = compileOptions(options)
  const socket = ws.WebSocket.prototype
  return instrumentOnce(known, ws.WebSocket, () => [
    patchMethod(socket, 'emit', emitWith(shim)),
    patchMethod(socket, 'send', sendWith(shim)),
    ...(['on', 'addEventListener'] as const).map((name) =>
      patchMethod(socket as WsSocket & Record<typeof name, WsSocket['on']>, name, (listen) => {
        return function (this: object, ...values: never[]) {
          belongToMaker(this)
          return Reflect.apply(listen, this, values)
        }
      }),
    ),
    patchMethod(
      ws.WebSocketServer.prototype,
      'handleUpgrade',
      upgradeWith(() => undefined),
    ),
  ])
}
