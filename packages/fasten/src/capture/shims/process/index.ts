// SPDX-License-Identifier: Apache-2.0

// In place: threads and processes that are started from now on.
export { instrumentChildProcess } from './child-process.ts'
export { instrumentIpc } from './ipc.ts'
export { instrumentWorkerThreads } from './threads.ts'

// What this process or thread was started for, and what to hand to a child by hand.
export { childEnvironment, environmentCarrier, runAsStarted, startContext } from './environment.ts'

// Ports of your own.
export { openEnvelope, enclose } from './envelope.ts'
export { noteCarrier } from './note.ts'

export type { Environment } from './environment.ts'
export type { Envelope } from './envelope.ts'
export type { IpcEnd } from './ipc.ts'
export type { Note } from './note.ts'
