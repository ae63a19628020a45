// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import type { Digest } from '../core/digest.ts'
import { createSystemClock, sha256 } from '../store/platform.ts'
import type { DisclosedAccess, Disclosing, Sources } from '../store/sources.ts'
import { createGate, type AuthorizeOptions } from './authorize.ts'
import type { Answer, Endpoint, Services } from './endpoint.ts'
import { endpoints } from './endpoints.ts'
import { localReader } from './local.ts'
import { openapi } from './openapi.ts'
import { problem, problemOf, type Problem } from './problem.ts'
import type { Reader } from './reader.ts'
import { respond } from './respond.ts'
import { scope } from './scope.ts'

/** A reader, or anything that knows its sources, as a started fasten instance does. */
export type ReaderSource = Reader | { sources(): Sources }

/** What was asked and answered, for an application that audits the reading of its audit log. */
export interface Access {
  readonly request: Request
  /** Operation of the OpenAPI document; undefined for an unknown path. */
  readonly operation: string | undefined
  readonly query: string
  readonly tenant_id: string | undefined
  readonly status: number
  /** Rows in the answer; undefined where the answer streams or holds none. */
  readonly rows: number | undefined
}

export interface ReaderOptions extends AuthorizeOptions {
  /**
   * The tenant whose rows this request may see, from the request's own credentials. Null, undefined or blank is 401. With
   * it, every endpoint is narrowed to that tenant and another `tenant_id` in the query is 403.
   */
  readonly tenantScope?: (request: Request) => string | null | undefined | Promise<string | null | undefined>
  /** Refuses to be wired without `tenantScope`. Default false. */
  readonly enforceTenantIsolation?: boolean
  /** The path the router is mounted at when the framework does not cut it off. Default none. */
  readonly basePath?: string
  /** False answers 403 to `/search` and to `q`. Default true. */
  readonly isSearchEnabled?: boolean
  /**
   * True lets a request ask for personal values with `disclose=true`: pages of audit, threads and single rows, for those to whom `authorize`
   * grants `audit:disclose`. Each such answer leaves a row VALUES_DISCLOSED first. Needs a started instance as source, and
   * `authorize`. Default false.
   */
  readonly discloses?: boolean
  /** Tails at a time, default 32. Each costs one look at the store a second while nothing happens. */
  readonly tailClientsMax?: number
  /** Exports at a time, default 4. */
  readonly exportClientsMax?: number
  /** Silence after which a tail says it is still there, default 15,000 ms. Raising it risks proxies closing idle tails. */
  readonly heartbeatMs?: number
  /** How long a tail runs before its client has to come back and be authorised again, default 3,600,000 ms. */
  readonly tailLifetimeMsMax?: number
  /** Called after every answer has been decided. What it throws is reported through `onError`. */
  readonly onAccess?: (access: Access) => void | Promise<void>
  /** Faults of the reader or of a hook, which the client is only told of as such. Default: a process warning. */
  readonly onError?: (error: unknown) => void
  readonly clock?: Pick<Clock, 'nowMicros'>
  readonly digest?: Digest
}

/** A web-standard handler. Always resolves with a response; never throws. */
export type ReaderHandler = (request: Request) => Promise<Response>

/**
 * The reader's HTTP API as one function from Request to Response, to be mounted in any framework (`adapters/`). Answers GET and HEAD
 * below `basePath`; everything else, and everything wrong, is RFC 9457 problem JSON.
 *
 * Throws a TypeError while wiring when nothing guards it, or when tenant isolation is enforced without a scope.
 * Source: spec/query.md, spec/reader.openapi.json.
 */
export function createReaderRouter(source: ReaderSource, options: ReaderOptions): ReaderHandler {
  const { digest = sha256, clock = createSystemClock(), tenantScope, basePath = '' } = options
  if (options.enforceTenantIsolation === true && tenantScope === undefined) {
    throw new TypeError('enforceTenantIsolation needs tenantScope, which says whose rows a request may see')
  }
  const disclosing = disclosingOf(source, options)
  const gate = createGate(options, digest)
  const base = basePath.replace(/\/+$/, '')
  const onError =
    options.onError ??
    ((error: unknown) => process.emitWarning(error instanceof Error ? error : String(error)))
  const readerOf = once(() =>
    'page' in source ? source : localReader({ sources: source.sources(), digest, clock }),
  )
  const discloserOf = once(() => {
    const ring = disclosing?.ring()
    if (!('sources' in source) || ring === undefined || ring === null) return undefined
    return localReader({ sources: source.sources(), digest, clock, ring, discloses: true })
  })
  const explain = (error: unknown): Problem => {
    const known = problemOf(error)
    if (known !== undefined) return known
    onError(error)
    return problem(500, 'READER_FAILED', 'the reader failed; its host has the details')
  }
  const services: Services = {
    isSearchEnabled: options.isSearchEnabled ?? true,
    heartbeatMs: options.heartbeatMs ?? 15_000,
    tailLifetimeMsMax: options.tailLifetimeMsMax ?? 3_600_000,
    takeTail: createPlaces(options.tailClientsMax ?? 32),
    takeExport: createPlaces(options.exportClientsMax ?? 4),
    problemOf: explain,
    openapi: once(openapi),
  }

  return async (request) => {
    const located = locate(request, base)
    const tenant: { id?: string } = {}
    const answer = await answerTo(request, located, tenant)
    const response = respond(request, answer, digest)
    note(request, located, tenant.id, response.status, 'json' in answer ? answer.rows : undefined)
    return response
  }

  async function answerTo(request: Request, located: Located, tenant: { id?: string }): Promise<Answer> {
    const { endpoint, search, id } = located
    try {
      // A hook that answers anything but true, by mistake or in plain JavaScript, has not let the request in.
      const decision: unknown = await gate(request, {
        permission: 'audit:read',
        operation: endpoint?.operation,
      })
      if (decision === 'unauthenticated') return unauthenticated(request)
      if (decision !== true)
        return { problem: problem(403, 'FORBIDDEN', 'this needs the permission audit:read') }
      if (tenantScope !== undefined) {
        const found = await tenantScope(request)
        if (typeof found !== 'string' || found.trim() === '')
          return unauthenticated(request, 'the request belongs to no tenant')
        tenant.id = found
      }
      if (endpoint === undefined)
        return {
          problem: problem(404, 'NO_SUCH_ENDPOINT', 'there is nothing here', { hint: 'see openapi.json' }),
        }
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        return {
          problem: problem(
            405,
            'METHOD_NOT_ALLOWED',
            `${request.method} does nothing here; reading never writes`,
          ),
          headers: { allow: 'GET, HEAD' },
        }
      }
      if ('problem' in search) return { problem: search.problem }
      if (!services.isSearchEnabled && search.params.has('q')) {
        return { problem: problem(403, 'SEARCH_DISABLED', 'text search is switched off on this reader') }
      }
      const discloses = search.params.get('disclose') === 'true'
      if (discloses) {
        if (disclosing === undefined)
          return { problem: problem(403, 'DISCLOSURE_DISABLED', 'this reader discloses no personal values') }
        const ask = { permission: 'audit:disclose', operation: endpoint.operation } as const
        if (((await gate(request, ask)) as unknown) !== true)
          return { problem: problem(403, 'FORBIDDEN', 'this needs the permission audit:disclose') }
      }
      const whole = (discloses ? discloserOf() : undefined) ?? readerOf()
      const reader = tenant.id === undefined ? whole : scope(whole, { tenant_id: tenant.id })
      const answer = await endpoint.run({
        request,
        reader,
        search: search.params,
        id,
        nowMicros: clock.nowMicros(),
        services,
      })
      if (discloses && 'json' in answer)
        await disclosing?.tell(accessOf(endpoint.operation, search.params, answer))
      return answer
    } catch (error) {
      // Nobody is left to read an answer to a request that was called off.
      if (request.signal.aborted)
        return { problem: problem(499, 'CLIENT_GONE', 'the client closed the request') }
      return { problem: explain(error) }
    }
  }

  function note(
    request: Request,
    { endpoint, query }: Located,
    tenant_id: string | undefined,
    status: number,
    rows: number | undefined,
  ): void {
    if (options.onAccess === undefined) return
    const run = async (): Promise<void> =>
      options.onAccess?.({ request, operation: endpoint?.operation, query, tenant_id, status, rows })
    run().catch(onError)
  }
}

/** Throws a TypeError for a reader that cannot tell of what it discloses, or that nobody could be granted it by. */
function disclosingOf(source: ReaderSource, { discloses, authorize }: ReaderOptions): Disclosing | undefined {
  if (discloses !== true) return undefined
  if (typeof authorize !== 'function')
    throw new TypeError('discloses needs authorize, which says who has the permission audit:disclose')
  const disclosing = 'sources' in source ? source.sources().disclosing : undefined
  if (disclosing === undefined)
    throw new TypeError('discloses needs a started instance: what is disclosed is told in its trail')
  return disclosing
}

function accessOf(operation: string, search: URLSearchParams, answer: Answer): DisclosedAccess {
  const shown = 'shown' in answer ? (answer.shown ?? []) : []
  const opened = shown.flatMap((row) => {
    const states = 'disclosures' in row ? Object.values(row.disclosures ?? {}) : []
    const values = states.filter(({ state }) => state === 'disclosed').length
    return 'id' in row && values > 0 ? [{ id: row.id, values }] : []
  })
  return {
    operation,
    parameters: [...new Set(search.keys())].sort(),
    rows: opened.length,
    values: opened.reduce((sum, { values }) => sum + values, 0),
    row_ids: opened.slice(0, 100).map(({ id }) => id),
  }
}

interface Located {
  readonly endpoint: Endpoint | undefined
  readonly id: string
  readonly query: string
  readonly search: { readonly params: URLSearchParams } | { readonly problem: Problem }
}

/** The longest query that is read; more than any combination of parameters needs. */
const queryCharactersMax = 16_384

function locate(request: Request, base: string): Located {
  const url = new URL(request.url)
  const query = url.search.slice(1)
  const path =
    base !== '' && (url.pathname === base || url.pathname.startsWith(`${base}/`))
      ? url.pathname.slice(base.length)
      : url.pathname
  const trimmed = path.length > 1 ? path.replace(/\/$/, '') : path
  const search = readSearch(query)
  if (base !== '' && path === url.pathname) return { endpoint: undefined, id: '', query, search }
  const exact = endpoints.find((endpoint) => endpoint.path === trimmed)
  if (exact !== undefined) return { endpoint: exact, id: '', query, search }
  const cut = trimmed.lastIndexOf('/')
  const id = decoded(trimmed.slice(cut + 1))
  const endpoint = endpoints.find(({ path: known }) => known === `${trimmed.slice(0, cut)}/{id}`)
  return id === undefined || id === ''
    ? { endpoint: undefined, id: '', query, search }
    : { endpoint, id, query, search }
}

/** URLSearchParams replaces what it cannot decode; a wrong escape is a wrong question here. */
function readSearch(query: string): Located['search'] {
  if (query.length > queryCharactersMax) {
    return {
      problem: problem(
        414,
        'QUERY_TOO_LONG',
        `the query has ${query.length} characters; at most ${queryCharactersMax} are read`,
      ),
    }
  }
  for (const pair of query.split('&')) {
    if (decoded(pair) !== undefined) continue
    const name = pair.split('=', 1)[0] ?? ''
    const detail = 'a percent escape in the query is not UTF-8'
    const parameter = /^[A-Za-z_]{1,40}$/.test(name) ? name : '(query)'
    return {
      problem: problem(400, 'QUERY_MALFORMED', detail, {
        errors: [{ parameter, code: 'QUERY_MALFORMED', detail }],
      }),
    }
  }
  return { params: new URLSearchParams(query) }
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}

function unauthenticated(request: Request, detail = 'a valid bearer token is needed'): Answer {
  const isGiven = request.headers.get('authorization') !== null
  return {
    problem: problem(401, 'UNAUTHENTICATED', detail),
    headers: { 'www-authenticate': `Bearer realm="fasten"${isGiven ? ', error="invalid_token"' : ''}` },
  }
}

function createPlaces(count: number): () => (() => void) | undefined {
  let taken = 0
  return () => {
    if (taken >= count) return undefined
    taken += 1
    let isMine = true
    return () => {
      taken -= Number(isMine)
      isMine = false
    }
  }
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined
  return () => (made ??= { value: make() }).value
}
