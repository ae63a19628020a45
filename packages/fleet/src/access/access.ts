// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { Authenticator } from '../web/authenticator.ts'
import type { AccessDeps } from './access-deps.ts'
import { apiKeyAuthenticator } from './api-keys/api-key-authenticator.ts'
import { apiKeyRoutes } from './api-keys/api-key-routes.ts'
import { grantRoutes } from './grants/grant-routes.ts'
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
