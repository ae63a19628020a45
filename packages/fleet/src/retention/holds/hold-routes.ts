// SPDX-License-Identifier: Apache-2.0
import { formatMicros, parseTime } from 'fasten/core'
import type { HeldRows } from 'fasten/store'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { Problem } from '../../web/problem.ts'
import { holdsOf, isHoldWithin, placeHold, releaseHold, type HoldDeps } from './holds.ts'

/** `/api/v1/holds`: which rows stay in the fleet whatever their time, and who ordered it. */
export function holdRoutes(server: FastifyInstance, deps: HoldDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  app.get(
    '/api/v1/holds',
    {
      config: { permission: 'config:read' },
      schema: { querystring: z.strictObject({ all: z.stringbool().default(false) }) },
    },
    async ({ principal, query }) => ({
      holds: (await holdsOf(deps.database.pool)).filter(
        (hold) => isHoldWithin(principal.tenants, hold) && (query.all || hold.released_at === null),
      ),
    }),
  )
  app.post(
    '/api/v1/holds',
    { config: { permission: 'config:manage' }, schema: { body: z.strictObject({ rows: heldRows, reason }) } },
    async ({ principal, body }, reply) => {
      const rows = heldRowsOf(body.rows)
      if (!isHoldWithin(principal.tenants, { rows }))
        throw new Problem(
          403,
          'FORBIDDEN',
          'a hold names a tenant of yours; one on rows of any tenant is for who sees all',
        )
      reply.code(201)
      return placeHold(deps, { rows, reason: body.reason, by: principal.actor })
    },
  )
  app.post(
    '/api/v1/holds/:hold_id/release',
    {
      config: { permission: 'config:manage' },
      schema: { params: z.object({ hold_id: z.string().max(64) }), body: z.strictObject({ reason }) },
    },
    async ({ principal, params, body }) =>
      releaseHold(deps, {
        hold_id: params.hold_id,
        reason: body.reason,
        by: principal.actor,
        scope: principal.tenants,
      }),
  )
}

const text = z.string().min(1).max(512)
const reason = z.string().min(1).max(1000)
const heldRows = z
  .strictObject({
    code: z
      .string()
      .regex(/^[A-Z][A-Z0-9_]{0,127}\*?$|^\*$/, 'is a code, or the beginning of one and a *')
      .optional(),
    actor: text.optional(),
    target: text.optional(),
    request_id: text.optional(),
    tenant_id: z.string().min(1).max(128).optional(),
    since: z.string().max(64).optional(),
    until: z.string().max(64).optional(),
  })
  .refine((rows) => Object.keys(rows).length > 0, 'a hold names something')

/** What was given, with its times as rows spell theirs. */
function heldRowsOf(given: z.output<typeof heldRows>): HeldRows {
  const named = Object.entries(given).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, name === 'since' || name === 'until' ? canonicalTime(value) : value]],
  )
  return Object.fromEntries(named) as HeldRows
}

function canonicalTime(written: string): string {
  const micros = /^\d{4}-/.test(written) ? parseTime(written, 0) : undefined
  if (micros === undefined)
    throw new Problem(400, 'BAD_TIME', `"${written}" is no time, as 2026-11-26T12:00:00Z is one`)
  return formatMicros(micros)
}
