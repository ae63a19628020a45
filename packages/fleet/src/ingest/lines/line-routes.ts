// SPDX-License-Identifier: Apache-2.0
import type { Readable } from 'node:stream'
import { formatMicros, isRowId, readJson } from 'fasten/core'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { Problem } from '../../web/problem.ts'
import type { Admission } from '../admission.ts'
import { readBody } from '../body/read-body.ts'
import { createArrivalsTaker, type ArrivalsTaker } from '../claims/arrivals-taker.ts'
import { arriving } from '../claims/arriving.ts'
import { NoRow, type Said } from '../claims/own-members.ts'
import { sourceOf } from '../claims/source-of.ts'
import type { ArrivingDeps } from '../arriving-routes.ts'
import { claimOfLine } from './claim-of-line.ts'
import { createLineBlocks, lineBytesMax, type Line, type LineBlock } from './line-blocks.ts'

export interface LinesDeps extends ArrivingDeps {
  readonly admission: Admission
}

const mediaTypes = [
  'application/x-ndjson',
  'application/ndjson',
  'application/jsonl',
  'application/x-jsonlines',
]

/** A body is read as it comes, so it may be long; and no server reads it for longer than it would wait for a slow one. */
const limits = { body_bytes: 256 * 1_048_576, unpacked_bytes: 1_024 * 1_048_576, seconds: 90 }

/** `POST /ingest/v1/lines`: one JSON object a line (spec/fleet.md#lines). */
export function lineRoutes(app: FastifyInstance, deps: LinesDeps): void {
  // The body is read as it comes, by the route; this only lets it through.
  app.addContentTypeParser(mediaTypes, (_request, payload, done) => done(null, payload))
  app.post(
    '/ingest/v1/lines',
    { config: { permission: 'ingest:arrive' }, bodyLimit: limits.body_bytes },
    (request) => takeLines(request),
  )

  async function takeLines(request: FastifyRequest) {
    const { 'content-type': type, 'content-encoding': encoding } = request.headers
    if (!mediaTypes.includes(type?.split(';', 1)[0]?.trim().toLowerCase() ?? ''))
      throw new Problem(415, 'UNSUPPORTED_MEDIA_TYPE', `lines come as ${mediaTypes[0]}`)
    const key = keyOf(request)
    const source_id = await sourceOf(deps.database, request, 'ndjson')
    return deps.admission.admit(source_id, async () => {
      const taker = createArrivalsTaker(deps.seal, source_id)
      const blocks = createLineBlocks()
      const begun = deps.clock.nowMicros()
      let lines = 0
      for await (const bytes of readBody(request.body as Readable, encoding, limits))
        for (const block of blocks.push(bytes)) {
          lines += await takeBlock(taker, block, key)
          if (deps.clock.nowMicros() - begun > limits.seconds * 1_000_000)
            throw new Problem(
              503,
              'FLEET_BUSY',
              `${lines} lines are stored, and the body is longer than one request may take`,
              {
                retryAfterS: 1,
                hint: 'send the same body again: what is here is skipped',
              },
            )
        }
      const last = blocks.end()
      if (last !== undefined) lines += await takeBlock(taker, last, key)
      return {
        lines,
        ...taker.taken(),
        server_time: formatMicros(deps.clock.nowMicros()),
      }
    })
  }

  async function takeBlock(
    taker: ArrivalsTaker,
    { lines, digest }: LineBlock,
    key: string | undefined,
  ): Promise<number> {
    const arrived = deps.clock.nowMicros()
    for (const [index, line] of lines.entries()) {
      const said = parsed(line)
      if (typeof said === 'string') {
        await taker.refuse({
          code: 'LINE_MALFORMED',
          message: `line ${line.number}: ${said}`,
          sent: line.bytes,
        })
        continue
      }
      const { id } = said
      const isRow = typeof id === 'string' && isRowId(id)
      const identity = isRow ? id : key === undefined ? `${digest}:${index}` : `${key}:${line.number}`
      try {
        const claim = claimOfLine(said)
        await taker.add(
          arriving(claim, { identity, isNamed: isRow || key !== undefined, arrived, sent: line.bytes }),
        )
      } catch (error) {
        if (!(error instanceof NoRow)) throw error
        await taker.refuse({
          code: 'LINE_MALFORMED',
          message: `line ${line.number}: ${error.message}`,
          sent: line.bytes,
        })
      }
    }
    // A block is durable before the next is read: whoever sends slowly holds nothing but a block.
    await taker.flush()
    return lines.length
  }
}

/** The object that a line is, or why it is none. */
function parsed({ number, bytes }: Line): Said | string {
  if (bytes.length > lineBytesMax) return `has more than ${lineBytesMax} bytes`
  const text = number === 1 && isMarked(bytes) ? bytes.subarray(3) : bytes
  try {
    const value: unknown = readJson(decoder.decode(text))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Said
    return 'is no JSON object'
  } catch (error) {
    // A SyntaxError, or the decoder's TypeError.
    if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error
    return 'is no JSON in UTF-8'
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true })

/** Some editors and shells mark UTF-8 at the beginning of a file. */
const isMarked = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf

/** `idempotency-key`: who has it says that the same key is the same body. */
function keyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key']
  if (key === undefined) return undefined
  if (typeof key === 'string' && /^[!-~]{1,255}$/.test(key)) return `key ${key}`
  throw new Problem(
    400,
    'IDEMPOTENCY_KEY',
    'an idempotency-key has 1 to 255 printable ASCII characters without blanks',
  )
}
