// SPDX-License-Identifier: Apache-2.0
import type { Clock } from 'fasten/core'
import type { FastifyInstance } from 'fastify'
import { z } from 'zod'
import type { FleetDatabase } from '../database/fleet-database.ts'
import { scopeText } from '../database/tenant-scope.ts'
import { parsed } from './parsed.ts'
import { createPlaces } from './places.ts'
import { scopeOf } from './reading-scope.ts'
import { apiBase, type QueryDeps } from './reader-routes.ts'
import { runSql } from './sql/sandbox.ts'
import { statementCharsMax } from './sql/statement.ts'
import { tellReading } from './tell-reading.ts'

const body = z.strictObject({
  sql: z.string().min(1).max(statementCharsMax),
  rows_max: z.number().int().min(1).max(10_000).default(1000),
  timeout_ms: z.number().int().min(100).max(60_000).default(15_000),
})

interface SqlDeps {
  readonly database: FleetDatabase
  readonly clock: Clock
}

/** `POST /api/v1/sql`: one query over the views `audit`, `sys` and `api`, of rows that whoever asks may see. Its text is told before it runs. */
export function sqlRoutes(
  app: FastifyInstance,
  { fasten, database, clock }: Pick<QueryDeps, 'fasten'> & SqlDeps,
): void {
  const takePlace = createPlaces({ of: 'statement', max: 4, perActorMax: 2 })
  app.post(`${apiBase}/sql`, { config: { permission: 'sql:run' } }, async (request, reply) => {
    const { principal } = request
    const { sql: text, rows_max, timeout_ms } = parsed(body, request.body)
    const leave = takePlace(principal.actor)
    try {
      fasten.emit({
        code: 'SQL_RUN',
        target: 'sql',
        actor: principal.actor,
        detail: { sql: text, rows_max, timeout_ms, tenants: scopeText(principal.tenants) },
      })
      const gone = new AbortController()
      reply.raw.once('close', () => gone.abort())
      const began = clock.monotonicNanos()
      const answer = await runSql(database, {
        text,
        scope: scopeOf(principal),
        rowsMax: rows_max,
        timeoutMs: timeout_ms,
        signal: gone.signal,
      })
      tellReading(fasten, principal, { operation: 'sql', parameters: {}, rows: answer.rows.length })
      return { ...answer, duration_ms: Number((clock.monotonicNanos() - began) / 1_000_000n) }
    } finally {
      leave()
    }
  })
}
