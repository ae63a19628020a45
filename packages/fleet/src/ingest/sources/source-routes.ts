// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { tenantScope } from '../../access/scope-schema.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { placeName } from '../../nodes/node-schema.ts'
import { Problem } from '../../web/problem.ts'
import { listSources, type ShownSource } from './list-sources.ts'
import {
  changeSource,
  createSource,
  removeSource,
  revokeSourceCredentials,
  rotateSourceCredential,
} from './manage-sources.ts'
import { pullChange, pullSettings, token } from './pull-settings.ts'
import { sourceKinds } from './source.ts'
import type { SourcesDeps } from './sources-deps.ts'

const name = z.string().regex(/^[^\p{Cc}]{1,128}$/u, 'is 1 to 128 printable characters')
const silent = z.int().min(1).max(31_622_400)

const newSource = z
  .strictObject({
    kind: z.enum(sourceKinds),
    name,
    service_id: placeName,
    tenants: tenantScope.optional(),
    stamp: placeName.optional(),
    silent_after_s: silent.optional(),
    pull: pullSettings.optional(),
    token: token.optional(),
  })
  .refine(({ tenants, stamp }) => tenants === undefined || stamp === undefined, {
    path: ['stamp'],
    message: 'goes without tenants: all rows are of this one',
  })
  .refine(({ kind, pull }) => (kind === 'pull') === (pull !== undefined), {
    path: ['pull'],
    message: 'is needed for the kind pull, and for no other',
  })
  .refine(({ kind, token: given }) => kind === 'pull' || given === undefined, {
    path: ['token'],
    message: 'is for the kind pull; the others get a credential',
  })

const change = z.strictObject({
  name: name.optional(),
  paused: z.boolean().optional(),
  silent_after_s: silent.nullable().optional(),
  pull: pullChange.optional(),
  token: token.optional(),
})

const oneSource = z.object({ source_id: z.string().max(64) })

const page = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(500),
  after: z.string().max(64).optional(),
  removed: z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true'),
})

/** `/api/v1/sources`: services without our shipper whose rows this fleet takes. */
export function sourceRoutes(server: FastifyInstance, deps: SourcesDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const read = { permission: 'nodes:read' } as const
  const manage = { permission: 'nodes:manage' } as const

  app.get(
    '/api/v1/sources',
    { config: read, schema: { querystring: page } },
    async ({ principal, query }) => {
      const { limit, after, removed } = query
      const found = await listSources(deps.database.pool, {
        scope: principal.tenants,
        withRemoved: removed,
        after,
        limit: limit + 1,
      })
      const sources = found.slice(0, limit)
      return { sources, ...(found.length > limit ? { next: sources.at(-1)?.source_id } : {}) }
    },
  )
  app.get(
    '/api/v1/sources/:source_id',
    { config: read, schema: { params: oneSource } },
    async ({ principal, params }) => one(principal.tenants, params.source_id),
  )
  app.post(
    '/api/v1/sources',
    { config: manage, schema: { body: newSource } },
    async ({ principal, body }, reply) => {
      const { source_id, credential } = await createSource(deps, principal, body)
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({
          ...(await one(principal.tenants, source_id)),
          ...(credential === undefined ? {} : { credential }),
        })
    },
  )
  app.patch(
    '/api/v1/sources/:source_id',
    { config: manage, schema: { params: oneSource, body: change } },
    async ({ principal, params, body }) => {
      await changeSource(deps, principal, params.source_id, body)
      return one(principal.tenants, params.source_id)
    },
  )
  app.delete(
    '/api/v1/sources/:source_id',
    { config: manage, schema: { params: oneSource } },
    async ({ principal, params }) => {
      await removeSource(deps, principal, params.source_id)
      return one(principal.tenants, params.source_id)
    },
  )
  app.post(
    '/api/v1/sources/:source_id/credential',
    { config: manage, schema: { params: oneSource } },
    async ({ principal, params: { source_id } }, reply) => {
      const credential = await rotateSourceCredential(deps, principal, source_id)
      return reply.code(201).header('cache-control', 'no-store').send({ source_id, credential })
    },
  )
  app.delete(
    '/api/v1/sources/:source_id/credential',
    { config: manage, schema: { params: oneSource } },
    async ({ principal, params: { source_id } }) => {
      await revokeSourceCredentials(deps, principal, source_id)
      return one(principal.tenants, source_id)
    },
  )

  async function one(scope: TenantScope, source_id: string): Promise<ShownSource> {
    const [found] = await listSources(deps.database.pool, { scope, source_id })
    if (found !== undefined) return found
    throw new Problem(404, 'NO_SUCH_SOURCE', `there is no source ${source_id} that you may see`)
  }
}
