// SPDX-License-Identifier: Apache-2.0

// Who is behind the request in progress, and what went wrong with it.
export { setActor } from './actor.ts'
export { noteError } from './failure.ts'

// Taking the ids along to other services.
export { propagationHeaders } from './outbound.ts'

// Transports and runtimes without a shim of their own.
export { wrapFetch } from './fetch.ts'
export { createHttpShim } from './options.ts'
export { withRequest } from './with-request.ts'

export type { ForwardedHeader, TrustProxy } from './client-address.ts'
export type { RequestFacts } from './exchange.ts'
export type { ActorFacts, ActorHook, HttpOptions, HttpRecorder, HttpShim } from './options.ts'
export type { SkippableAccess, SkipRule } from './skip.ts'
export type { Reply } from './with-request.ts'
