// SPDX-License-Identifier: Apache-2.0

// Servers: connections belong to the request that asked for them.
export { instrumentNamespace } from './server.ts'

export type { IoNamespace } from './server.ts'
