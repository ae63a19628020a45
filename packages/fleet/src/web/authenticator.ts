// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import type { Permission, Principal } from './principal.ts'

/**
 * One way of proving who one is. Answers undefined for a request that does not carry its kind of credential, so that another way is tried, and
 * `refused` for one that does and is wrong, expired or revoked: no other way is tried then. MUST decide by the credential alone; `needed` is
 * what the route asks for (`self`: only to be somebody) and chooses which of its rights the principal tells.
 */
export type Authenticator = (
  request: FastifyRequest,
  needed: Needed,
) => Promise<Principal | 'refused' | undefined>

export type Needed = Permission | 'self'
