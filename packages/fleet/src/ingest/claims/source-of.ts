// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { Problem } from '../../web/problem.ts'
import { readSource, type SourceKind } from '../sources/source.ts'

/**
 * The source whose credential the request carries. Throws Problem 403 `SOURCE_KIND` where its rows come another way, so that what `origin` says of a row is so, and
 * `FORBIDDEN` where it was removed meanwhile.
 */
export async function sourceOf(
  { pool, seals }: Pick<FleetDatabase, 'pool' | 'seals'>,
  { principal }: FastifyRequest,
  kind: SourceKind,
): Promise<string> {
  const source =
    principal.source_id === undefined ? undefined : await readSource(pool, principal.source_id, { seals })
  if (source === undefined) throw new Problem(403, 'FORBIDDEN', 'only sources hand in rows here')
  if (source.kind !== kind)
    throw new Problem(403, 'SOURCE_KIND', `rows of this source come as ${source.kind} and not as ${kind}`)
  return source.source_id
}
