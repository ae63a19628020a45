// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import type { Permission } from '../web/principal.ts'
import { Problem } from '../web/problem.ts'
import { scopeKey, scopeOf } from './reading-scope.ts'

export interface WatchOptions {
  /** What the answer needs. */
  readonly permission: Permission
  /** Called once, when whoever asked may see other rows than when the answer began, or none. */
  readonly onOther: () => void
  /** Between two looks, default 2,000 ms. Each is one look into the database for each answer that lasts. */
  readonly everyMs?: number
}

/**
 * Judges the credential of a request anew while its answer lasts, so that what is revoked, ended, locked or granted otherwise ends it within seconds,
 * whichever server that was done at. Answers what ends the watch.
 */
export function watchReach(request: FastifyRequest, options: WatchOptions): () => void {
  const { permission, onOther, everyMs = 2000 } = options
  const before = scopeKey(scopeOf(request.principal))
  let isOver = false

  async function isSame(): Promise<boolean> {
    try {
      const principal = await request.server.recognise(request)
      return principal.permissions.has(permission) && scopeKey(scopeOf(principal)) === before
    } catch (error) {
      // Refused, or else the database is away: rows come from there as well, and it is asked again.
      return !(error instanceof Problem)
    }
  }

  async function look(): Promise<void> {
    const same = await isSame()
    if (isOver) return
    if (same) wait()
    else onOther()
  }

  let timer: NodeJS.Timeout
  function wait(): void {
    timer = setTimeout(() => void look(), everyMs)
    timer.unref()
  }
  wait()
  return () => {
    isOver = true
    clearTimeout(timer)
  }
}
