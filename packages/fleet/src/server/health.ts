// SPDX-License-Identifier: Apache-2.0
import type { FastifyInstance } from 'fastify'
import type { Pool } from 'pg'
import type { FleetDatabase } from '../database/fleet-database.ts'

/**
 * `/healthz`: the process lives. `/readyz`: it can do its work now, which is what a load balancer asks; 503 while the database is away and
 * while it is ending.
 */
export function healthRoutes(
  app: FastifyInstance,
  { pool }: Pick<FleetDatabase, 'pool'>,
  isEnding: () => boolean,
): void {
  app.get('/healthz', { config: { permission: 'public' } }, async () => ({ status: 'alive' }))
  app.get('/readyz', { config: { permission: 'public' } }, async (_request, reply) => {
    const database = (await answers(pool)) ? 'answers' : 'does not answer'
    const isReady = database === 'answers' && !isEnding()
    return reply
      .code(isReady ? 200 : 503)
      .send({ status: isReady ? 'ready' : isEnding() ? 'ending' : 'waiting', database })
  })
}

/** Whether it does so soon: one that hangs is away as well, and whoever asks has a patience of its own. */
async function answers(pool: Pool): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), 3000)
  })
  const asked = pool.query('SELECT 1').then(
    () => true,
    () => false,
  )
  try {
    return await Promise.race([asked, tooLate])
  } finally {
    clearTimeout(timer)
  }
}
