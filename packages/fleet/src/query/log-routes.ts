// SPDX-License-Identifier: Apache-2.0
import { parseCheckpoint, parseNote, parseTilePath, tileWidth, type Tile } from 'fasten/core'
import { logTile, proveRow } from 'fasten/reader'
import type { RowSource } from 'fasten/store'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Permission } from '../web/principal.ts'
import { Problem } from '../web/problem.ts'
import { parsed } from './parsed.ts'
import { createPlaces } from './places.ts'
import { maySeeLog, scopeOf } from './reading-scope.ts'
import { apiBase, type QueryDeps } from './reader-routes.ts'
import { tellReading } from './tell-reading.ts'

const proofQuery = z.strictObject({ index: z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER) })

/** What is asked of a log, from the part of the path behind `/logs/`. */
type Ask =
  | { readonly kind: 'checkpoint'; readonly log: string }
  | { readonly kind: 'proof'; readonly log: string }
  | { readonly kind: 'tile'; readonly log: string; readonly tile: Tile }

/**
 * `/api/v1/logs/<log>/checkpoint`, `/proof?index=N` and `/tile/…`: a log as c2sp.org/tlog-tiles serves it, with `…/logs/<log>` as its prefix. The log's
 * name stands in the path as it is, slashes and percent signs included, or as one part, percent-encoded once more.
 *
 * Bundles of entries are rows in full and need `audit:export`; hashes and proofs need `audit:verify`. Whoever is bound to codes gets none of it.
 */
export function logRoutes(app: FastifyInstance, { fasten, stores }: QueryDeps): void {
  const takePlace = createPlaces({ of: 'proof', max: 4, perActorMax: 2 })
  const answer = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { principal } = request
    const ask = askIn(request.raw.url ?? '')
    if (ask === undefined)
      throw new Problem(404, 'NO_SUCH_ENDPOINT', 'a log has a checkpoint, proofs and tiles', {
        hint: 'ask …/logs/<log>/checkpoint, …/proof?index=N or …/tile/0/000',
      })
    const needed = permissionFor(ask)
    if (!principal.permissions.has(needed) || principal.codes !== undefined) {
      fasten.emit({
        code: 'ACCESS_DENIED',
        actor: principal.actor,
        target: `GET ${ask.kind}`,
        outcome: 'denied',
        detail: { permission: needed },
      })
      throw new Problem(
        403,
        'FORBIDDEN',
        principal.codes === undefined
          ? `this needs the permission ${needed}`
          : 'a credential that is bound to codes sees no whole logs',
      )
    }
    const scope = scopeOf(principal)
    // One answer for a log that is not there and for one of somebody else.
    if (!maySeeLog(scope, ask.log)) throw unknown()
    const leave = takePlace(principal.actor)
    try {
      return await stores.use(scope, async ({ source }) => {
        const note = await newestNote(source, ask.log)
        const rows = ask.kind === 'tile' && ask.tile.level === 'entries' ? ask.tile.width : 0
        const bytes = await bytesOf(request, source, ask, note)
        tellReading(fasten, principal, {
          operation: ask.kind,
          parameters: { log: ask.log, path: (request.raw.url ?? '').slice(apiBase.length) },
          rows,
        })
        return reply
          .type(ask.kind === 'tile' ? 'application/octet-stream' : 'text/plain; charset=utf-8')
          .header('cache-control', 'no-store')
          .send(Buffer.from(bytes))
      })
    } finally {
      leave()
    }
  }
  app.get(`${apiBase}/logs/*`, { config: { permission: 'audit:read' } }, answer)
}

function permissionFor(ask: Ask): Permission {
  if (ask.kind === 'checkpoint') return 'audit:read'
  return ask.kind === 'tile' && ask.tile.level === 'entries' ? 'audit:export' : 'audit:verify'
}

/** Undefined for what names nothing of a log. */
function askIn(url: string): Ask | undefined {
  const path = url.split('?', 1)[0]?.slice(`${apiBase}/logs/`.length) ?? ''
  const match = /^(.+?)\/(checkpoint|proof|tile\/.+)$/.exec(path)
  const [, written = '', rest = ''] = match ?? []
  const log = written.includes('/') ? written : decoded(written)
  if (match === null || log === undefined) return undefined
  if (rest === 'checkpoint' || rest === 'proof') return { kind: rest, log }
  const tile = parseTilePath(rest)
  return tile === undefined ? undefined : { kind: 'tile', log, tile }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

async function newestNote(source: RowSource, log: string): Promise<string> {
  const [newest] = (await source.checkpoints?.({ log, limit: 1 })) ?? []
  if (newest === undefined) throw unknown()
  return newest.note
}

function unknown(): Problem {
  return new Problem(404, 'NO_SUCH_LOG', 'there is no signed log of that name that is yours to see')
}

async function bytesOf(
  request: FastifyRequest,
  source: RowSource,
  ask: Ask,
  note: string,
): Promise<Uint8Array> {
  if (ask.kind === 'checkpoint') return Buffer.from(note)
  const { size } = parseCheckpoint(parseNote(note).text)
  if (ask.kind === 'proof') {
    const { index } = parsed(proofQuery, request.query)
    if (index >= size) throw new Problem(404, 'PROOF_IMPOSSIBLE', `no checkpoint covers row ${index} yet`)
    return Buffer.from((await proveRow(source, { log: ask.log, monotonic_seq: index })).file)
  }
  const { level, index, width } = ask.tile
  const nodes = Math.floor(size / tileWidth ** (level === 'entries' ? 0 : level))
  if (index * tileWidth + width > nodes)
    throw new Problem(
      404,
      'NO_SUCH_TILE',
      `the log is not that large yet: its checkpoint covers ${size} rows`,
    )
  return logTile(source, ask.log, ask.tile)
}
