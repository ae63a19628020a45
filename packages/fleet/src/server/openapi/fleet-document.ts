// SPDX-License-Identifier: Apache-2.0
import { openapi } from 'fasten/reader'
import { z } from 'zod'
import type { DeclaredRoute } from '../../web/app.ts'
import { toldRoutes, type ToldRoute } from './answers.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * The OpenAPI 3.1 document of a whole fleet: the reader's own below `/api/v1`, and every other route as it was declared, with what it takes out of the very schemas by
 * which requests are judged. Routes that nobody has described are in it, too, without an answer.
 */
export function fleetDocument(declared: readonly DeclaredRoute[]): Json {
  const reader = openapi() as { readonly paths: Record<string, { get: Json }>; readonly components: Json }
  const paths: Record<string, Record<string, Json>> = {}
  for (const route of declared) {
    if (route.isPage || route.method === 'HEAD' || route.method === 'OPTIONS') continue
    const path = route.path.replaceAll(/:(\w+)/g, '{$1}').replace(/\*$/, '{rest}')
    const ofReader = path.startsWith(base) ? reader.paths[path.slice(base.length)]?.get : undefined
    const isReaders = ofReader !== undefined && route.method === 'GET'
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: {
        ...(isReaders ? ofReader : operation(route, path)),
        ...(route.permission === 'public' ? { security: [] } : {}),
        'x-permission': route.permission,
      },
    }
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'fasten fleet',
      version: '1',
      description:
        'Gathers, proves and governs the rows of many nodes. What is wrong with a request is told as a problem (RFC 9457). x-permission is what a credential needs.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    security: [{ bearer: [] }],
    paths: Object.fromEntries(Object.entries(paths).sort(([one], [other]) => (one < other ? -1 : 1))),
    components: reader.components,
  }
}

function operation({ method, path: declaredPath, permission, schema }: DeclaredRoute, path: string): Json {
  const told: ToldRoute = toldRoutes[`${method} ${declaredPath}`] ?? { summary: `${method} ${path}` }
  const { summary, status = 200, answer, media, bodyMedia, takes } = told
  const body = schema?.body ?? takes?.body
  const query = schema?.querystring ?? takes?.querystring
  const parameters = [
    ...Array.from(path.matchAll(/\{(\w+)\}/g), ([, name]) => ({
      name,
      in: 'path',
      required: true,
      schema: { type: 'string' },
    })),
    ...queryParameters(query),
  ]
  const shown =
    media === undefined ? answer && { 'application/json': { schema: schemaOf(answer) } } : { [media]: {} }
  return {
    operationId: `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+/g, '_')}`.replace(/_$/, ''),
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined && bodyMedia === undefined
      ? {}
      : {
          requestBody:
            bodyMedia === undefined
              ? { required: isNeeded(body), content: { 'application/json': { schema: schemaOf(body) } } }
              : { required: true, content: { [bodyMedia]: {} } },
        }),
    responses: {
      [status]: { description: summary, ...(shown === undefined ? {} : { content: shown }) },
      ...(permission === 'public'
        ? {}
        : { 401: problem('no credential, or none that is valid'), 403: problem('not for this credential') }),
      default: problem('what is wrong'),
    },
  }
}

const problem = (description: string): Json => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/problem' } } },
})

function queryParameters(schema: unknown): readonly Json[] {
  if (schema === undefined) return []
  const { properties = {}, required = [] } = schemaOf(schema) as {
    readonly properties?: Record<string, Json>
    readonly required?: readonly string[]
  }
  return Object.entries(properties).map(([name, each]) => ({
    name,
    in: 'query',
    required: required.includes(name),
    schema: each,
  }))
}

/** As a request has it: before defaults are filled in, and answers with room for more members. */
function schemaOf(schema: unknown): Json {
  if (!(schema instanceof z.ZodType))
    throw new TypeError('a route is declared with something that is no schema of zod')
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    reused: 'inline',
  })
  return rest
}

const isNeeded = (schema: unknown): boolean =>
  schema instanceof z.ZodType && !schema.safeParse(undefined).success

const base = '/api/v1'
