// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import type { NodesDeps } from '../nodes-deps.ts'
import { acknowledgeAlarm, listAlarms } from './manage-alarms.ts'
import type { AlarmBook } from './raise-alarm.ts'

export interface AlarmRouteDeps extends NodesDeps {
  readonly book: AlarmBook
}

/** `/api/v1/alarms`: what needs a person, and that a person has taken note. */
export function alarmRoutes(server: FastifyInstance, deps: AlarmRouteDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  app.get(
    '/api/v1/alarms',
    { config: { permission: 'nodes:read' }, schema: { querystring: filter } },
    async ({ principal, query }) => {
      const { state, before, limit } = query
      const alarms = await listAlarms(deps, { scope: principal.tenants, state, before, limit: limit + 1 })
      const page = alarms.slice(0, limit)
      return { alarms: page, ...(alarms.length > limit ? { next: page.at(-1)?.alarm_id } : {}) }
    },
  )
  app.post(
    '/api/v1/alarms/:alarm_id/acknowledge',
    {
      config: { permission: 'nodes:manage' },
      schema: {
        params: z.object({ alarm_id: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER) }),
        body: z.strictObject({ note: z.string().max(1000).optional() }).nullish(),
      },
    },
    async ({ principal, params, body }) => acknowledgeAlarm(deps, principal, { ...params, note: body?.note }),
  )
}

const filter = z.strictObject({
  state: z.enum(['standing', 'over', 'all']).default('standing'),
  before: z.coerce.number().int().min(1).optional(),
  limit: z.coerce.number().int().min(1).max(500).default(100),
})
