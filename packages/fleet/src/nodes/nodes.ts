// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import { alarmRoutes, type AlarmRouteDeps } from './alarms/alarm-routes.ts'
import { enrolRoute, type EnrolRouteDeps } from './enrolment/enrol-route.ts'
import { enrolmentTokenRoutes } from './enrolment/enrolment-token-routes.ts'
import { nodeRoutes, type NodeRouteDeps } from './list/node-routes.ts'
import { ownRoutes } from './own-routes.ts'
import type { RotationDeps } from './wants-rotation.ts'

/** All addresses by which nodes come in, tell how they stand, are seen and are governed. */
export function nodesRoutes(
  app: FastifyInstance,
  deps: EnrolRouteDeps & NodeRouteDeps & AlarmRouteDeps & RotationDeps,
): void {
  enrolmentTokenRoutes(app, deps)
  enrolRoute(app, deps)
  ownRoutes(app, deps)
  nodeRoutes(app, deps)
  alarmRoutes(app, deps)
}
