// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream'
import type { Fasten } from 'fasten'
import {
  formatMicros,
  formatVerifierKey,
  genesis,
  parseLogName,
  type Clock,
  type NoteSigner,
} from 'fasten/core'
import { sha256 } from 'fasten/store'
import { createReplica } from 'fasten/store/replica'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { fleetSchema, type FleetDatabase } from '../database/fleet-database.ts'
import type { AlarmBook } from '../nodes/alarms/raise-alarm.ts'
import { isLogOf } from '../nodes/is-log-of.ts'
import { readNode, type Node } from '../nodes/node.ts'
import { Problem } from '../web/problem.ts'
import { createAdmission, type AdmissionLimits } from './admission.ts'
import { readBody, type BodyLimits } from './body/read-body.ts'
import { createSectionParser, type SectionLimits } from './body/section-parser.ts'
import { createBodyTaker, type SectionResult } from './take-body.ts'

export interface IngestDeps {
  readonly database: FleetDatabase
  readonly fasten: Fasten
  readonly clock: Clock
  /** The fleet's own key, kind 4. */
  readonly witness: NoteSigner
  /** The fleet's name. */
  readonly name: string
  /** Told of what is refused. */
  readonly book: Pick<AlarmBook, 'raise'>
  readonly limits?: Partial<BodyLimits & SectionLimits>
  readonly admission?: AdmissionLimits
}

export const rowsType = 'application/vnd.fasten.rows'

/** What one request may hold (spec/fleet.md#rows). */
const defaultLimits = {
  body_bytes: 16 * 1_048_576,
  unpacked_bytes: 64 * 1_048_576,
  sections: 256,
  rows: 50_000,
} as const satisfies BodyLimits & SectionLimits

const placesBody = z.strictObject({ logs: z.array(z.string().max(2_048)).max(1_000) })

/** The push side of ingest: `/ingest/v1`, `/ingest/v1/places`, `/ingest/v1/rows` (spec/fleet.md). */
export function ingestRoutes(app: FastifyInstance, deps: IngestDeps): void {
  const { database, clock, witness, name } = deps
  const limits = { ...defaultLimits, ...deps.limits }
  const now = (): string => formatMicros(clock.nowMicros())
  const replica = createReplica({ schema: fleetSchema, digest: sha256, now })
  const admission = createAdmission(() => clock.nowMicros() / 1000, deps.admission)
  const push = { permission: 'ingest:push' } as const

  async function nodeOf({ principal }: FastifyRequest): Promise<Node> {
    const node =
      principal.node_id === undefined
        ? undefined
        : await readNode(database.pool, principal.node_id, database.seals)
    if (node !== undefined) return node
    throw new Problem(403, 'FORBIDDEN', 'only nodes hand in rows')
  }

  app.get('/ingest/v1', { config: { permission: 'public' } }, async () => ({
    protocol: 'fasten-fleet/1',
    name,
    witness_vkey: formatVerifierKey(witness.key),
    limits,
  }))

  app.post('/ingest/v1/places', { config: push }, (request) => tellPlaces(request))
  // The body is read as it comes, by the route; this only lets it through.
  app.addContentTypeParser(rowsType, (_request, payload, done) => done(null, payload))
  app.post('/ingest/v1/rows', { config: push, bodyLimit: limits.body_bytes }, (request) => takeRows(request))

  async function tellPlaces(request: FastifyRequest) {
    const parsed = placesBody.safeParse(request.body)
    if (!parsed.success)
      throw new Problem(
        400,
        'BODY_MALFORMED',
        parsed.error.issues[0]?.message ?? 'the body has no list of logs',
      )
    const node = await nodeOf(request)
    admission.pace(node.node_id)
    const own = parsed.data.logs.filter((log) => {
      const parts = parseLogName(log)
      return parts !== undefined && isLogOf(node, parts)
    })
    const found = await replica.places(database.pool, own)
    return { places: Object.fromEntries(own.map((log) => [log, placeOf(found.get(log))])) }
  }

  async function takeRows(request: FastifyRequest) {
    const { 'content-type': type, 'content-encoding': encoding } = request.headers
    if (type?.split(';', 1)[0]?.trim().toLowerCase() !== rowsType)
      throw new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', `rows come as ${rowsType}`)
    const node = await nodeOf(request)
    return admission.admit(node.node_id, async () => {
      const taker = createBodyTaker({ ...deps, replica }, node)
      const parser = createSectionParser(limits)
      try {
        for await (const bytes of readBody(request.body as Readable, encoding, limits))
          for (const piece of parser.push(bytes)) await taker.take(piece)
        parser.end()
        return answer(await taker.finish())
      } finally {
        await taker.settled()
      }
    })
  }

  function answer(results: readonly SectionResult[]) {
    const retry_after_ms = admission.pauseMs()
    return { results, server_time: now(), ...(retry_after_ms === undefined ? {} : { retry_after_ms }) }
  }
}

const placeOf = ({
  size = 0,
  head_hash = genesis,
  signed_size = 0,
}: { readonly size?: number; readonly head_hash?: string; readonly signed_size?: number } = {}) => ({
  size,
  head_hash,
  signed_size,
})
