// SPDX-License-Identifier: Apache-2.0
import cookie from '@fastify/cookie'
import type { ServerOptions } from 'node:https'
import helmet from '@fastify/helmet'
import { FastenError, type Fasten } from 'fasten'
import { setActor } from 'fasten/http'
import { fastifyShim } from 'fasten/http/fastify'
import Fastify, {
  type FastifyError,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  type FastifyServerOptions,
} from 'fastify'
import { validatorCompiler } from 'fastify-type-provider-zod'
import { isAway } from '../database/is-away.ts'
import type { Authenticator, Needed } from './authenticator.ts'
import { readJsonBodies } from './json-body.ts'
import { createLimiter, defaultLimits, type Limits } from './limits.ts'
import type { Permission, Principal } from './principal.ts'
import { Problem, sendProblem } from './problem.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** Every route as it was declared, for those who check who may what. */
    declared: DeclaredRoute[]
    /** What somebody is shown who came with a browser to where there is nothing; undefined where there are no pages. */
    lostPage: ((request: FastifyRequest, reply: FastifyReply) => FastifyReply) | undefined
    /** Who asks, judged anew by the request's credential, for answers that last. Throws Problem 401 once it is not valid any more. */
    recognise(request: FastifyRequest): Promise<Principal>
  }
  interface FastifyRequest {
    /** Who asks; only where the route needs a permission. */
    principal: Principal
  }
  interface FastifyContextConfig {
    /**
     * What whoever asks must be allowed; `self` for what concerns only whoever asks, and `public` for the few routes that anybody may ask.
     * A route that says nothing does not start.
     */
    permission?: Permission | 'self' | 'public'
    /** For people: it answers with a page or a file of one, and is no part of the API. */
    isPage?: boolean
  }
}

export interface DeclaredRoute {
  readonly method: string
  /** As declared: `/api/v1/users/:user_id`. */
  readonly path: string
  readonly permission: Permission | 'self' | 'public'
  /** No part of the API. */
  readonly isPage: boolean
  /** By which requests are judged, where the framework does it; of zod. */
  readonly schema?: {
    readonly body?: unknown
    readonly querystring?: unknown
  }
}

/** PEM. */
export interface TlsOptions {
  readonly cert: string
  readonly key: string
  /** Clients are asked for a certificate of this authority. Who has none gets in all the same: what it opens, credentials say. */
  readonly clientCa?: string
}

export interface AppOptions {
  readonly fasten: Fasten
  /** Tried in order; the first that knows the request's credential decides. */
  readonly authenticators: readonly Authenticator[]
  /** Bytes of a request's body where a route does not say otherwise, default 1 MiB. */
  readonly bodyBytesMax?: number
  /** Whose `x-forwarded-…` is believed: so many proxies, or those with these addresses. Default nobody's. */
  readonly trustProxy?: number | readonly string[] | false
  readonly limits?: Limits
  /** Left out: plain HTTP. */
  readonly tls?: TlsOptions | undefined
}

/**
 * The HTTP server without its routes: request ids and api rows by our own shim, credentials, permissions, security headers, limits, and one
 * form for everything that goes wrong. Each route names the permission it needs in `config.permission`.
 */
export async function createApp(options: AppOptions): Promise<FastifyInstance> {
  const {
    fasten,
    authenticators,
    bodyBytesMax = 1_048_576,
    trustProxy = false,
    limits = defaultLimits,
    tls,
  } = options
  const settings: FastifyServerOptions & { readonly https?: ServerOptions } = {
    bodyLimit: bodyBytesMax,
    trustProxy:
      typeof trustProxy === 'object'
        ? [...trustProxy]
        : trustProxy !== false && ((_address: string, hop: number) => hop < trustProxy),
    requestTimeout: 120_000,
    routerOptions: { maxParamLength: 2048 },
    // What comes on a connection that is there is still answered, and is its last: a node goes on with another server and notices nothing.
    return503OnClosing: false,
    ...(tls === undefined ? {} : { https: listenerOf(tls) }),
  }
  const app = Fastify(settings)
  await app.register(
    fastifyShim({ fasten, skip: ['/healthz', '/readyz', '/assets/*', '/mark.svg'], trustProxy }),
  )
  await app.register(helmet, {
    contentSecurityPolicy: { directives: { 'default-src': ["'none'"], 'frame-ancestors': ["'none'"] } },
  })

  await app.register(cookie)
  const limiter = await createLimiter(app, limits)
  readJsonBodies(app)
  app.setValidatorCompiler(validatorCompiler)

  app.decorate('declared', [])
  app.decorate('lostPage', undefined)
  app.addHook('onRoute', ({ path, method, config, schema }) => {
    const permission = config?.permission
    if (permission === undefined)
      throw new TypeError(`the route ${path} does not say which permission it needs: config.permission`)
    for (const each of [method].flat())
      app.declared.push({
        method: each,
        path,
        permission,
        isPage: config?.isPage === true,
        ...(schema === undefined ? {} : { schema }),
      })
  })
  app.decorate('recognise', (request: FastifyRequest) =>
    authenticate(request, authenticators, neededBy(request) ?? 'self'),
  )
  app.decorateRequest('principal')
  app.addHook('onRequest', async (request) => {
    const needed = request.routeOptions.config.permission
    if (request.url === '/healthz' || request.url === '/readyz') return
    await limiter.arrived(request)
    if (needed === 'public' || (app.lostPage !== undefined && isLost(request))) return
    // Unknown addresses are told apart from forbidden ones only to those who are somebody.
    request.principal = await authenticate(request, authenticators, needed ?? 'self').catch(
      async (error: unknown) => {
        if (error instanceof Problem && error.status === 401) await limiter.refused(request)
        throw error
      },
    )
    tellActor(request.principal)
    await limiter.recognised(request)
    if (needed !== undefined && needed !== 'self' && !request.principal.permissions.has(needed))
      throw denied(fasten, request, needed)
  })
  app.setNotFoundHandler({}, async (request, reply) => {
    if (isLost(request) && app.lostPage !== undefined) return app.lostPage(request, reply)
    throw new Problem(
      404,
      'NO_SUCH_ENDPOINT',
      `there is nothing at ${request.method} ${request.url.split('?', 1)[0] ?? ''}`,
    )
  })
  app.setErrorHandler(async (error: FastifyError | Problem | Error, request, reply) => {
    await sendProblem(reply, problemOf(error, request, fasten, reply))
  })
  return app
}

/** A person with a browser, not a program: gets a page that says so, which holds nothing and tells nobody what there is. */
const isLost = (request: FastifyRequest): boolean =>
  request.is404 &&
  (request.method === 'GET' || request.method === 'HEAD') &&
  /\btext\/html\b/.test(request.headers.accept ?? '') &&
  !/^\/(?:api|ingest)\//.test(request.url)

function neededBy(request: FastifyRequest): Needed | undefined {
  const { permission } = request.routeOptions.config
  return permission === 'public' ? undefined : permission
}

const listenerOf = ({ cert, key, clientCa }: TlsOptions): ServerOptions => ({
  cert,
  key,
  minVersion: 'TLSv1.2',
  ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: false }),
})

async function authenticate(
  request: FastifyRequest,
  authenticators: readonly Authenticator[],
  needed: Needed,
): Promise<Principal> {
  for (const authenticator of authenticators) {
    const found = await authenticator(request, needed)
    if (found === 'refused')
      throw new Problem(401, 'UNAUTHENTICATED', 'this credential is not valid, or no longer')
    if (found !== undefined) return found
  }
  throw new Problem(401, 'UNAUTHENTICATED', 'a credential is needed', {
    hint: 'send Authorization: Bearer …, or log in',
  })
}

/** All rows of this request say who asked, its api row among them. */
export function tellActor(
  principal: Pick<Principal, 'kind' | 'actor' | 'auth_method' | 'session_id' | 'on_behalf_of'>,
): void {
  const { kind, actor, auth_method, session_id, on_behalf_of } = principal
  setActor({
    actor,
    actor_kind: kind === 'user' ? 'user' : kind === 'system' ? 'system' : 'service',
    auth_method,
    ...(session_id === undefined ? {} : { session_id }),
    ...(on_behalf_of === undefined ? {} : { on_behalf_of }),
  })
}

function denied(fasten: Fasten, request: FastifyRequest, needed: Permission): Problem {
  fasten.emit({
    code: 'ACCESS_DENIED',
    target: `${request.method} ${request.routeOptions.url ?? ''}`,
    outcome: 'denied',
    detail: { permission: needed },
  })
  return new Problem(403, 'FORBIDDEN', `this needs the permission ${needed}`)
}

/** What went wrong, in the words of whoever asked. Faults of ours are told to the log and not to the caller. */
export function problemOf(
  error: FastifyError | Problem | Error,
  request: FastifyRequest,
  fasten: Fasten,
  reply: FastifyReply,
): Problem {
  if (error instanceof Problem) return error
  if (isAway(error) || (error instanceof FastenError && /^(STORE_|FLEET_DATABASE_)/.test(error.code))) {
    fasten.log.warn('database_away', { path: request.routeOptions.url ?? null, error })
    return new Problem(503, 'FLEET_BUSY', 'the database does not answer now', {
      retryAfterS: 5,
      cause: error,
    })
  }
  if (error instanceof FastenError)
    return new Problem(400, error.code, error.message, error.hint === undefined ? {} : { hint: error.hint })
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500
  if (status < 500) return new Problem(status, codeOf(error), error.message)
  fasten.log.error('request_failed', { path: request.routeOptions.url ?? null, error })
  const id = reply.getHeader('x-request-id')
  const about = typeof id === 'string' ? { hint: `its log has the reason under the request ${id}` } : {}
  return new Problem(500, 'FLEET_FAILED', 'the fleet failed to answer', about)
}

/** Fastify's own codes without its prefix: FST_ERR_CTP_BODY_TOO_LARGE is BODY_TOO_LARGE. */
function codeOf(error: FastifyError | Error): string {
  const code = 'code' in error ? error.code : 'BAD_REQUEST'
  return code.replace(/^FST_(ERR_)?(CTP_)?/, '') || 'BAD_REQUEST'
}
