// SPDX-License-Identifier: Apache-2.0

// All of `socket.io`, or all of `socket.io-client`, in place.
export { instrumentSocketIo } from './instrument.ts'

// The carrier under it.
export { ioCarrier } from './event.ts'

export type { IoEvent } from './event.ts'
export type { SocketIoModule, SocketIoOptions } from './instrument.ts'
