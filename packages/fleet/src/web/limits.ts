// SPDX-License-Identifier: Apache-2.0
import rateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { addressGroup } from './address-group.ts'
import { Problem } from './problem.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Tighter than the rest: where passwords and one-time tokens are tried. */
    limit?: 'login' | 'enrol'
  }
}

/** Requests a minute to one server. */
export interface Limits {
  /** Of one credential of a user or a program; nodes have limits of their own, where they push. */
  readonly perCredential: number
  /** Of one address, before anybody is known. */
  readonly perAddress: number
}

export const defaultLimits: Limits = { perCredential: 1200, perAddress: 6000 }

/** Of one address: tries at a login or enrolment, and requests whose credential was wrong. */
const triesPerAddress = 60
const refusalsPerAddress = 300

/** Each check throws Problem 429 `TOO_MANY_REQUESTS` with Retry-After. */
export interface Limiter {
  /** Before anybody looks at the credential. */
  arrived(request: FastifyRequest): Promise<void>
  /** The credential was wrong: counted, so that `arrived` refuses the next ones. */
  refused(request: FastifyRequest): Promise<void>
  /** Somebody was recognised. */
  recognised(request: FastifyRequest): Promise<void>
}

/**
 * Counts in the memory of this server, so that a fleet of several lets through so many times more; guesses at passwords are counted for all of
 * them together (access/login/attempts.ts).
 */
export async function createLimiter(app: FastifyInstance, limits: Limits): Promise<Limiter> {
  await app.register(rateLimit, { global: false, cache: 20_000 })
  const limit = (max: number, keyGenerator: (request: FastifyRequest) => string) => {
    const check = app.createRateLimit({ max, timeWindow: 60_000, keyGenerator })
    return async (request: FastifyRequest, increment: boolean): Promise<void> => {
      const state = await check(request, { increment })
      if (state.isAllowed || !(increment ? state.isExceeded : state.remaining === 0)) return
      throw new Problem(429, 'TOO_MANY_REQUESTS', `more than ${max} requests in a minute`, {
        retryAfterS: Math.max(1, state.ttlInSeconds),
      })
    }
  }
  const address = (request: FastifyRequest): string => addressGroup(request.ip)
  const all = limit(limits.perAddress, address)
  const tries = limit(
    triesPerAddress,
    (request) => `${request.routeOptions.config.limit} ${address(request)}`,
  )
  const refusals = limit(refusalsPerAddress, address)
  const credential = limit(limits.perCredential, ({ principal }) => principal.session_id ?? principal.actor)
  return {
    async arrived(request) {
      const { permission, limit: tight } = request.routeOptions.config
      await refusals(request, false)
      if (tight !== undefined) await tries(request, true)
      // Many nodes may share one address; they are many credentials. What they send is limited where it is taken.
      if (permission !== 'ingest:push' && permission !== 'ingest:arrive') await all(request, true)
    },
    refused: (request) => refusals(request, true).catch(ignoreOwn),
    async recognised(request) {
      const { kind } = request.principal
      if (kind !== 'node' && kind !== 'source') await credential(request, true)
    },
  }
}

/** This refusal has its own answer; the next one is told of the limit. */
function ignoreOwn(error: unknown): void {
  if (!(error instanceof Problem)) throw error
}
