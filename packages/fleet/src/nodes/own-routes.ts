// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { formatMicros } from 'fasten/core'
import { Problem } from '../web/problem.ts'
import { addKey } from './add-key.ts'
import type { AlarmBook } from './alarms/raise-alarm.ts'
import { clientKeyOf } from './client-key.ts'
import { rotateOwn } from './manage-nodes.ts'
import { wantsRotation, type RotationDeps } from './wants-rotation.ts'
import type { NodesDeps } from './nodes-deps.ts'
import { statusBody, takeStatus } from './status/take-status.ts'

const keyBody = z.strictObject({
  public_key: z.string().regex(/^[0-9a-f]{64}$/, 'is 64 lower-case hex'),
  signature: z.string().regex(/^[0-9a-f]{128}$/, 'is 128 lower-case hex'),
})

/** What a node asks for itself: a further key, a new credential, and telling how it stands (spec/fleet.md). */
export function ownRoutes(
  server: FastifyInstance,
  deps: NodesDeps & RotationDeps & { readonly book: Pick<AlarmBook, 'raise'> },
): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const push = { permission: 'ingest:push' } as const

  app.post('/ingest/v1/keys', { config: push, schema: { body: keyBody } }, async ({ principal, body }) => ({
    public_key: body.public_key,
    is_new: await addKey(deps, nodeOf({ principal }), body),
  }))
  app.post('/ingest/v1/credential', { config: push }, async (request, reply) => {
    const node_id = nodeOf(request)
    const isBound = request.principal.auth_method === 'mtls'
    const credential = await rotateOwn(deps, node_id, isBound ? clientKeyOf(request) : undefined)
    return reply.code(201).header('cache-control', 'no-store').send({ node_id, credential })
  })
  app.post(
    '/ingest/v1/status',
    { config: push, schema: { body: statusBody } },
    async ({ principal, body }) => {
      const micros = deps.clock.nowMicros()
      const node_id = nodeOf({ principal })
      await takeStatus(deps, node_id, body, micros)
      const rotate = await wantsRotation(deps, node_id, micros)
      return { server_time: formatMicros(deps.clock.nowMicros()), ...(rotate ? { rotate } : {}) }
    },
  )
}

function nodeOf({ principal }: Pick<FastifyRequest, 'principal'>): string {
  if (principal.node_id !== undefined) return principal.node_id
  throw new Problem(403, 'FORBIDDEN', 'only nodes ask this')
}
