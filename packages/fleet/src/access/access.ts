// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../web/authenticator.ts'
import { now, type AccessDeps } from './access-deps.ts'
import { apiKeyAuthenticator } from './api-keys/api-key-authenticator.ts'
import { apiKeyRoutes } from './api-keys/api-key-routes.ts'
import { grantRoutes } from './grants/grant-routes.ts'
import { sweepAttempts } from './login/attempts.ts'
import { passwordRoutes } from './login/password-routes.ts'
import { oidcRoutes } from './oidc/oidc-routes.ts'
import { sessionAuthenticator } from './sessions/session-authenticator.ts'
import { sessionRoutes } from './sessions/session-routes.ts'
import { userRoutes } from './users/user-routes.ts'

/** The ways in which people and their programs prove who they are. */
export function credentialsOf(deps: AccessDeps): readonly Authenticator[] {
  return [apiKeyAuthenticator(deps), sessionAuthenticator(deps)]
}

/** All addresses by which access is asked for and governed. */
export function accessRoutes(app: FastifyInstance, deps: AccessDeps): void {
  passwordRoutes(app, deps)
  oidcRoutes(app, deps)
  sessionRoutes(app, deps)
  userRoutes(app, deps)
  grantRoutes(app, deps)
  apiKeyRoutes(app, deps)
}

/**
 * Once an hour what has no use any more is deleted: guesses of yesterday, and sessions that ended 90 days ago, which the rows tell for longer.
 * Any number of servers may do it at once. `close` resolves when nothing of it runs.
 */
export function startAccess(deps: AccessDeps): { close(): Promise<void> } {
  let running = Promise.resolve()
  const sweep = async (): Promise<void> => {
    try {
      await sweepAttempts(deps)
      const longAgo = new Date(now(deps).getTime() - 90 * 86_400_000)
      await deps.database.pool.query('DELETE FROM fleet_sessions WHERE ended_at < $1 OR expires_at < $1', [
        longAgo,
      ])
    } catch (error) {
      deps.fasten.log.warn('access_sweep_failed', { error })
    }
  }
  const timer = setInterval(() => {
    running = running.then(sweep)
  }, 3_600_000)
  timer.unref()
  return {
    async close() {
      clearInterval(timer)
      await running
    },
  }
}
