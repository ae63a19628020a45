// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import { createReaderRouter, openapi, type Reader } from 'fasten/reader'
import { serve } from 'fasten/reader/node'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Permission } from '../web/principal.ts'
import { Problem } from '../web/problem.ts'
import { createPlaces, type Places } from './places.ts'
import { scopeOf } from './reading-scope.ts'
import type { ScopedStores } from './scoped-stores.ts'
import { tellReading } from './tell-reading.ts'
import { watchReach } from './watch-reach.ts'

export interface QueryDeps {
  readonly fasten: Fasten
  readonly stores: ScopedStores
  /** What `/openapi.json` answers; default the reader's own document. */
  readonly document?: (() => unknown) | undefined
}

export const apiBase = '/api/v1'

/** What each operation of the reader needs; what is not named needs `audit:read`. */
const permissionOf: Readonly<Record<string, Permission>> = {
  export: 'audit:export',
  verify: 'audit:verify',
  doctor: 'audit:verify',
}

/** A verdict over some of the rows would call the others missing, so whoever is bound to codes gets none. */
const wholeLogs: ReadonlySet<string> = new Set(['verify', 'doctor'])

/** A tail begins again this often, so that its beginning is told of as often. */
const tailLifetimeMs = 300_000

/**
 * The reader's HTTP API of fasten at `/api/v1`, over the rows that whoever asks may see: the same paths, parameters and answers, for the same
 * clients (`remoteReader`, `fasten query --url`). Every answer is told in the fleet's own trail.
 */
export function readerRoutes(app: FastifyInstance, deps: QueryDeps): void {
  const long: Readonly<Record<string, Places>> = {
    tail: createPlaces({ of: 'tail', max: 128, perActorMax: 16 }),
    export: createPlaces({ of: 'export', max: 8, perActorMax: 2 }),
    verify: createPlaces({ of: 'verification', max: 4, perActorMax: 2 }),
  }
  const { paths } = openapi() as {
    readonly paths: Readonly<Record<string, { get: { operationId: string } }>>
  }
  const { document } = deps
  for (const [path, { get }] of Object.entries(paths)) {
    const operation = get.operationId
    const permission = permissionOf[operation] ?? 'audit:read'
    if (operation === 'openapi' && document !== undefined) {
      app.get(`${apiBase}${path}`, { config: { permission } }, async () => document())
      continue
    }
    app.get(
      `${apiBase}${path.replaceAll(/\{(\w+)\}/g, ':$1')}`,
      { config: { permission } },
      async (request, reply) =>
        answer(request, reply, { ...deps, operation, permission, places: long[operation] }),
    )
  }
}

interface Asked extends QueryDeps {
  readonly operation: string
  readonly permission: Permission
  readonly places: Places | undefined
}

async function answer(request: FastifyRequest, reply: FastifyReply, asked: Asked): Promise<void> {
  const { principal } = request
  const { operation, places, stores, fasten } = asked
  if (principal.codes !== undefined && wholeLogs.has(operation))
    throw new Problem(403, 'FORBIDDEN', 'a credential that is bound to codes sees no whole logs to judge')
  const leave = places?.(principal.actor)
  const lease = await stores.take(scopeOf(principal)).catch((error: unknown) => {
    leave?.()
    throw error
  })
  const ending = new AbortController()
  const counted = countRows(endable(lease.reader, ending.signal))
  let rows: number | undefined
  const isShown = operation !== 'openapi'
  const parameters = parametersOf(request)
  const tell = (phase?: 'began' | 'ended' | 'broken'): void =>
    tellReading(fasten, principal, {
      operation,
      parameters,
      rows:
        phase === undefined
          ? (rows ?? (operation === 'tail' ? null : counted.rows()))
          : phase === 'began'
            ? null
            : counted.rows(),
      ...(phase === undefined ? {} : { phase }),
    })
  const router = createReaderRouter(counted.reader, {
    // The route has asked already, before any of this.
    authorize: (_, { permission }) => permission === 'audit:read',
    basePath: apiBase,
    tailClientsMax: 1,
    exportClientsMax: 1,
    tailLifetimeMsMax: tailLifetimeMs,
    onAccess: (access) => {
      rows = access.rows
    },
    onError: (error) => fasten.log.error('reading_failed', { operation, error }),
  })
  let isExporting = false
  // A tail ends as it does after its time, and whoever follows begins again with what he may see now. Half an export is broken off.
  const unwatch =
    operation === 'tail' || operation === 'export'
      ? watchReach(request, {
          permission: asked.permission,
          onOther: () => (operation === 'tail' ? ending.abort() : reply.raw.destroy()),
        })
      : undefined
  reply.raw.once('close', () => {
    unwatch?.()
    if (isExporting) tell(reply.raw.writableFinished ? 'ended' : 'broken')
    lease.release()
    leave?.()
  })
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (typeof value === 'string' || typeof value === 'number') reply.raw.setHeader(name, value)
  reply.hijack()
  serve(
    async (asking) => {
      const response = await router(asking)
      if (response.ok || response.status === 304) {
        isExporting = operation === 'export' && request.method !== 'HEAD'
        if (isShown) tell(isExporting ? 'began' : undefined)
      }
      return response
    },
    request.raw,
    reply.raw,
    request.raw.url ?? '/',
  )
}

function parametersOf(request: FastifyRequest): Readonly<Record<string, string>> {
  const { searchParams } = new URL(request.raw.url ?? '/', 'http://fleet.invalid')
  const named: Record<string, string> = {}
  for (const [name, value] of searchParams) named[name] = name in named ? `${named[name]},${value}` : value
  const { id } = request.params as { readonly id?: string }
  return id === undefined ? named : { ...named, id }
}

/** The reader, whose tails end with the signal. */
const endable = (reader: Reader, signal: AbortSignal): Reader => ({
  ...reader,
  tail: (query, asked) => reader.tail(query, asked === undefined ? signal : AbortSignal.any([asked, signal])),
})

/** The reader, and how many rows have come out of it. */
function countRows(reader: Reader): { readonly reader: Reader; readonly rows: () => number } {
  let rows = 0
  return {
    rows: () => rows,
    reader: {
      ...reader,
      async page(query, signal) {
        const page = await reader.page(query, signal)
        rows += page.rows.length
        return page
      },
    },
  }
}
