// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { clientKeyOf } from '../client-key.ts'
import { placeName, publicKey, software } from '../node-schema.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { enrol } from './enrol.ts'

export interface EnrolRouteDeps extends NodesDeps {
  readonly fleet: { readonly name: string; readonly witness_vkey: string }
  /** Whether nodes need a client certificate. */
  readonly wantsCertificate: boolean
}

const order = z.strictObject({
  token: z.string().max(128),
  source_node_id: placeName,
  service_id: placeName.optional(),
  software,
  public_keys: z.array(publicKey).min(1).max(16),
})

/** `POST /ingest/v1/enrol` (spec/fleet.md#who-a-node-is). The token in the body is the credential. */
export function enrolRoute(server: FastifyInstance, deps: EnrolRouteDeps): void {
  server
    .withTypeProvider<ZodTypeProvider>()
    .post(
      '/ingest/v1/enrol',
      { config: { permission: 'public', limit: 'enrol' }, schema: { body: order } },
      async (request, reply) => {
        const { node_id, credential, tenants } = await enrol(deps, {
          ...request.body,
          clientKey: clientKeyOf(request),
          wantsCertificate: deps.wantsCertificate,
        })
        return reply
          .code(201)
          .header('cache-control', 'no-store')
          .send({ node_id, credential, fleet: deps.fleet, tenants })
      },
    )
}
