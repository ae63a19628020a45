// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { now } from '../../access/access-deps.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import { askRotation, revokeNode, rotateForNode, setSilentAfter } from '../manage-nodes.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { retireKey } from '../retire-key.ts'
import { readNodeFacts } from './node-facts.ts'
import { readNodeKeys } from './node-keys.ts'
import { shownNode, type ShownNode } from './shown-node.ts'

export interface NodeRouteDeps extends NodesDeps {
  readonly silentAfterS: number
}

const oneNode = z.object({ node_id: z.string().max(64) })

/** `/api/v1/nodes`: how nodes stand, and what may be done with them. */
export function nodeRoutes(server: FastifyInstance, deps: NodeRouteDeps): void {
  const app = server.withTypeProvider<ZodTypeProvider>()
  const read = { permission: 'nodes:read' } as const
  const manage = { permission: 'nodes:manage' } as const
  const show = (scope: TenantScope) => ({ scope, at: now(deps), silentAfterS: deps.silentAfterS })

  app.get('/api/v1/nodes', { config: read, schema: { querystring: page } }, async ({ principal, query }) => {
    const { limit, after, revoked } = query
    const facts = await readNodeFacts(deps.database.pool, {
      scope: principal.tenants,
      withRevoked: revoked,
      after,
      limit: limit + 1,
    })
    const nodes = facts.slice(0, limit).map((node) => shownNode(node, show(principal.tenants)))
    return { nodes, ...(facts.length > limit ? { next: nodes.at(-1)?.node_id } : {}) }
  })
  app.get(
    '/api/v1/nodes/:node_id',
    { config: read, schema: { params: oneNode } },
    async ({ principal, params }) => whole(principal.tenants, params.node_id),
  )
  app.post(
    '/api/v1/nodes/:node_id/revoke',
    { config: manage, schema: { params: oneNode } },
    async ({ principal, params }) => {
      await revokeNode(deps, principal, params.node_id)
      return whole(principal.tenants, params.node_id)
    },
  )
  app.post(
    '/api/v1/nodes/:node_id/credential',
    { config: manage, schema: { params: oneNode } },
    async ({ principal, params }, reply) => {
      const credential = await rotateForNode(deps, principal, params.node_id)
      return reply.code(201).header('cache-control', 'no-store').send({ node_id: params.node_id, credential })
    },
  )
  app.post(
    '/api/v1/nodes/:node_id/rotate',
    { config: manage, schema: { params: oneNode } },
    async ({ principal, params }) => {
      await askRotation(deps, principal, params.node_id)
      return whole(principal.tenants, params.node_id)
    },
  )
  app.post(
    '/api/v1/nodes/:node_id/settings',
    {
      config: manage,
      schema: {
        params: oneNode,
        body: z.strictObject({ silent_after_s: z.int().min(1).max(31_622_400).nullable() }),
      },
    },
    async ({ principal, params, body }) => {
      await setSilentAfter(deps, principal, { ...params, ...body })
      return whole(principal.tenants, params.node_id)
    },
  )
  app.post(
    '/api/v1/nodes/:node_id/keys/:public_key/retire',
    {
      config: manage,
      schema: {
        params: oneNode.extend({ public_key: z.string().regex(/^[0-9a-f]{64}$/, 'is 64 lower-case hex') }),
        body: z.strictObject({ log: z.string().max(2_048), size: z.int().min(0) }).nullish(),
      },
    },
    async ({ principal, params, body }) => {
      await retireKey(deps, principal, { ...params, from: body ?? undefined })
      return whole(principal.tenants, params.node_id)
    },
  )

  async function whole(scope: TenantScope, node_id: string): Promise<ShownNode & { readonly keys: unknown }> {
    const [facts] = await readNodeFacts(deps.database.pool, { scope, node_id })
    if (facts === undefined)
      throw new Problem(404, 'NO_SUCH_NODE', `there is no node ${node_id} that you may see`)
    return { ...shownNode(facts, show(scope)), keys: await readNodeKeys(deps.database.pool, node_id, scope) }
  }
}

const page = z.strictObject({
  limit: z.coerce.number().int().min(1).max(500).default(500),
  after: z.string().max(64).optional(),
  revoked: z
    .enum(['true', 'false'])
    .default('true')
    .transform((text) => text === 'true'),
})
