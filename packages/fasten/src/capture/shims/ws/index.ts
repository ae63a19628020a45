// SPDX-License-Identifier: Apache-2.0

// All of `ws` in place, one server, or one socket of any kind.
export { instrumentWs } from './instrument.ts'
export { instrumentSocketServer } from './server.ts'
export { instrumentSocket } from './socket.ts'

// The carrier under them.
export { wsCarrier } from './message.ts'

export type { WsMessage } from './message.ts'
export type { WsModule } from './instrument.ts'
export type { SocketServer } from './server.ts'
export type { Socket, WsOptions } from './socket.ts'
