// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import type { Principal } from './principal.ts'

/**
 * One way of proving who one is. Answers undefined for a request that does not carry its kind of credential, so that another way is tried, and
 * `refused` for one that does and is wrong, expired or revoked: no other way is tried then. MUST decide by the credential alone.
 */
export type Authenticator = (request: FastifyRequest) => Promise<Principal | 'refused' | undefined>
