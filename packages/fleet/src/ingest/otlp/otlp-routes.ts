// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { problemOf } from '../../web/app.ts'
import { Problem } from '../../web/problem.ts'
import type { Admission } from '../admission.ts'
import { readBody, type BodyLimits } from '../body/read-body.ts'
import { createArrivalsTaker, type Taken } from '../claims/arrivals-taker.ts'
import { arriving } from '../claims/arriving.ts'
import { NoRow } from '../claims/own-members.ts'
import { sourceOf } from '../claims/source-of.ts'
import type { ArrivingDeps } from '../arriving-routes.ts'
import { exportResponse, mediaTypeOf, statusMessage, type OtlpEncoding } from './answers.ts'
import { claimOfRecord } from './claim-of-record.ts'
import { decodeJson } from './decode-json.ts'
import { decodeProtobuf } from './decode-protobuf.ts'
import type { DecodedRecord } from './log-record.ts'

export interface OtlpDeps extends ArrivingDeps {
  readonly admission: Admission
}

/** As the protocol recommends. */
const limits: BodyLimits = { body_bytes: 20 * 1_048_576, unpacked_bytes: 20 * 1_048_576 }

/**
 * OTLP/HTTP, logs (spec/fleet.md#otlp): `/v1/logs`, and the same below `/ingest/otlp` for fleets that share a host. Answers, errors too, are in the encoding of
 * the request. What fails for reasons that pass is 503, never 500: exporters throw away what is answered so.
 */
export function otlpRoutes(app: FastifyInstance, deps: OtlpDeps): void {
  app.register(async (scope) => {
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser(Object.values(mediaTypeOf), (_request, payload, done) => done(null, payload))
    scope.setErrorHandler(async (error: Error, request, reply) => {
      const problem = problemOf(error, request, deps.fasten, reply)
      const status = problem.status === 500 ? 503 : problem.status
      const retryAfterS = problem.retryAfterS ?? (status === 503 ? 5 : undefined)
      if (retryAfterS !== undefined) reply.header('retry-after', String(retryAfterS))
      const encoding = encodingOf(request) ?? 'json'
      await send(
        reply.code(status),
        encoding,
        statusMessage(encoding, status, `${problem.code}: ${problem.message}`),
      )
    })
    for (const path of ['/v1/logs', '/ingest/otlp/v1/logs'])
      scope.post(
        path,
        { config: { permission: 'ingest:arrive' }, bodyLimit: limits.body_bytes },
        (request, reply) => takeLogs(request, reply),
      )
  })

  async function takeLogs(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const encoding = encodingOf(request)
    if (encoding === undefined)
      throw new Problem(
        415,
        'UNSUPPORTED_MEDIA_TYPE',
        `logs come as ${Object.values(mediaTypeOf).join(' or ')}`,
      )
    const source_id = await sourceOf(deps.database, request, 'otlp')
    const taken = await deps.admission.admit(source_id, async () => {
      const chunks: Buffer[] = []
      for await (const chunk of readBody(
        request.body as Readable,
        request.headers['content-encoding'],
        limits,
      ))
        chunks.push(chunk)
      return take(source_id, Buffer.concat(chunks), encoding)
    })
    return send(
      reply,
      encoding,
      exportResponse(encoding, { rejected: taken.refused, message: messageOf(taken) }),
    )
  }

  async function take(source_id: string, body: Uint8Array, encoding: OtlpEncoding): Promise<Taken> {
    const taker = createArrivalsTaker(deps.seal, source_id)
    const records = encoding === 'json' ? decodeJson(body) : decodeProtobuf(body)
    // The same bytes once more are the same records: exporters send a request again when its answer got lost.
    const digest = createHash('sha256').update(body).digest('hex')
    const arrived = deps.clock.nowMicros()
    let index = 0
    for (const decoded of records) await takeRecord(decoded, `${digest}:${index++}`)
    await taker.flush()
    return taker.taken()

    async function takeRecord(decoded: DecodedRecord, place: string): Promise<void> {
      const sent = decoded.sent()
      if (decoded.kind === 'malformed')
        return taker.refuse({ code: 'RECORD_MALFORMED', message: decoded.message, sent })
      try {
        const claim = claimOfRecord(decoded.record)
        const uid = decoded.record.attributes.values['log.record.uid']
        const isNamed = typeof uid === 'string' && uid !== '' && uid.length <= 256
        return await taker.add(arriving(claim, { identity: isNamed ? uid : place, isNamed, arrived, sent }))
      } catch (error) {
        if (!(error instanceof NoRow)) throw error
        return taker.refuse({ code: 'RECORD_MALFORMED', message: error.message, sent })
      }
    }
  }
}

function encodingOf({ headers }: FastifyRequest): OtlpEncoding | undefined {
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase()
  return (['protobuf', 'json'] as const).find((encoding) => mediaTypeOf[encoding] === type)
}

const send = (reply: FastifyReply, encoding: OtlpEncoding, body: Buffer): FastifyReply =>
  reply.header('content-type', mediaTypeOf[encoding]).send(body)

function messageOf({ refused, reasons }: Taken): string {
  if (refused === 0) return ''
  const told = [...new Set(reasons.map(({ code, message }) => `${code}: ${message}`))].slice(0, 3)
  return `not taken, and kept as evidence: ${told.join('; ')}`
}
