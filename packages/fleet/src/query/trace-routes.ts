// SPDX-License-Identifier: Apache-2.0
import { isRequestId } from 'fasten/core'
import { readTrace } from 'fasten/reader'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import { Problem } from '../web/problem.ts'
import { parsed } from './parsed.ts'
import { scopeOf } from './reading-scope.ts'
import { apiBase, type QueryDeps } from './reader-routes.ts'
import { tellReading } from './tell-reading.ts'

const query = z.strictObject({
  /** Rows of each stream, of each request id. */
  limit: z.coerce.number().int().min(1).max(1000).default(1000),
  /** Further requests, jobs and runs that are followed. */
  requests: z.coerce.number().int().min(0).max(100).default(100),
})

/**
 * `/api/v1/traces/:request_id`: everything that a request led to, on all nodes and in all streams, as a waterfall. A row's id leads to the request of
 * that row. 404 when there is nothing that whoever asks may see.
 */
export function traceRoutes(app: FastifyInstance, { fasten, stores }: QueryDeps): void {
  app.get(`${apiBase}/traces/:request_id`, { config: { permission: 'audit:read' } }, async (request) => {
    const { request_id: asked } = request.params as { readonly request_id: string }
    if (!isRequestId(asked))
      throw new Problem(422, 'QUERY_VALUE', `${JSON.stringify(asked.slice(0, 128))} cannot be a request id`)
    const { limit, requests } = parsed(query, request.query)
    return stores.use(scopeOf(request.principal), async ({ reader }) => {
      const trace = await readTrace(reader, asked, { limit, requestsMax: requests })
      tellReading(fasten, request.principal, {
        operation: 'trace',
        parameters: { request_id: asked },
        rows: trace.entries.length,
      })
      if (trace.entries.length === 0)
        throw new Problem(404, 'NO_SUCH_TRACE', `no row under ${asked} is yours to see`)
      return trace
    })
  })
}
