// SPDX-License-Identifier: Apache-2.0
import { answerSchemas, type Schema } from './answer-schemas.ts'
import type { Endpoint } from './endpoint.ts'
import { endpoints } from './endpoints.ts'
import { filterParameters, steering, type Parameter, type ParameterKind } from './parameters.ts'
import { problemType } from './problem.ts'

/**
 * The OpenAPI 3.1 document of the reader, from the tables of endpoints, parameters and answers. spec/reader.openapi.json is
 * this value, and a test keeps it so.
 */
export function openapi(): Schema {
  return {
    openapi: '3.1.0',
    info: {
      title: 'fasten reader',
      version: '1',
      description:
        'Reads audit, sys and api rows. GET only; a question that is wrong is answered with a problem (RFC 9457), never with a success.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/api/v1/logs', description: 'wherever the router is mounted' }],
    security: [{ bearer: [] }],
    paths: Object.fromEntries(endpoints.map((endpoint) => [endpoint.path, { get: operation(endpoint) }])),
    components: {
      parameters: Object.fromEntries(
        Array.from(shared, (parameter) => [parameter.name, parameterOf(parameter, false)]),
      ),
      securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
      responses: Object.fromEntries(
        Object.entries(problems).map(([status, description]) => [
          problemName(status),
          {
            description,
            content: { [problemType]: { schema: { $ref: '#/components/schemas/problem' } } },
          },
        ]),
      ),
      schemas: answerSchemas,
    },
  }
}

/** What a value of `kind` looks like as JSON Schema; also how the command line describes a flag. */
export function schemaOf(kind: ParameterKind): Schema {
  switch (kind.type) {
    case 'text':
    case 'prefix':
      return { type: 'string', minLength: 1, maxLength: kind.lengthMax }
    case 'pattern':
      return { type: 'string', pattern: kind.pattern }
    case 'choice':
      return { type: 'string', enum: [...kind.values, ...Object.keys(kind.aliases ?? {})] }
    case 'integer':
      return {
        type: 'integer',
        minimum: kind.min,
        maximum: kind.max,
        ...(kind.default === undefined ? {} : { default: kind.default }),
      }
    case 'time':
      return { type: 'string', minLength: 1 }
    case 'exclusion':
      return { type: 'string', pattern: '^[a-z_]+:.' }
    case 'streams':
      return {
        type: 'string',
        pattern: '^(audit|sys|api)(,(audit|sys|api))*$',
        default: kind.default.join(','),
      }
  }
}

const problems: Readonly<Record<string, string>> = {
  400: 'Not a question this API has: an unknown, repeated, contradictory or undecodable parameter, or a cursor of another query.',
  401: 'The credential is missing or wrong, or belongs to no tenant.',
  403: 'The credential does not permit this, or names another tenant.',
  404: 'There is no such row.',
  405: 'Only GET and HEAD are answered.',
  414: 'The query is too long to read.',
  422: 'A parameter is missing, out of range, or of the wrong kind; each is named.',
  500: 'The reader failed.',
  503: 'The store cannot be asked now, or every place for such an answer is taken.',
}

/** The entries of the tables themselves; an endpoint that narrows one has a copy, which is written out where it is used. */
const shared: ReadonlySet<Parameter> = new Set([...filterParameters, ...Object.values(steering)])

const common = ['400', '401', '403', '405', '414', '422', '500', '503']

const problemName = (status: string): string => `problem${status}`

function operation({ operation: operationId, summary, set, answers, also = [], path }: Endpoint): Schema {
  const statuses = [...new Set([...common, ...also.map(String)])].sort()
  return {
    operationId,
    summary,
    parameters: [
      ...(path.includes('{id}') ? [pathId] : []),
      ...set.parameters.map((parameter) => {
        const isRequired = set.required?.includes(parameter.name) === true
        const isShared = !isRequired && shared.has(parameter)
        return isShared
          ? { $ref: `#/components/parameters/${parameter.name}` }
          : parameterOf(parameter, isRequired)
      }),
      ...(operationId === 'tail' ? [lastEventId] : []),
    ],
    responses: {
      200: {
        description: summary,
        content: Object.fromEntries(
          Object.entries(answers).map(([media, schema]) => [
            media,
            { schema: { $ref: `#/components/schemas/${schema}` } },
          ]),
        ),
      },
      ...(Object.keys(answers).includes('application/json')
        ? { 304: { description: 'The answer is still the one that If-None-Match names.' } }
        : {}),
      ...Object.fromEntries(
        statuses.map((status) => [status, { $ref: `#/components/responses/${problemName(status)}` }]),
      ),
    },
  }
}

function parameterOf(
  { name, kind, summary, example, isRepeatable, streams }: Parameter,
  required: boolean,
): Schema {
  const schema = schemaOf(kind)
  const only = streams.length === 3 ? '' : ` Selects ${streams.join(' and ')} rows.`
  return {
    name,
    in: 'query',
    required,
    description: `${summary}${only}`,
    schema: isRepeatable === true ? { type: 'array', items: schema } : schema,
    ...(isRepeatable === true ? { style: 'form', explode: true } : {}),
    examples: {
      example: {
        value: isRepeatable === true ? [example] : kind.type === 'integer' ? Number(example) : example,
      },
    },
  }
}

const pathId: Schema = {
  name: 'id',
  in: 'path',
  required: true,
  description: 'Id of the row.',
  schema: { type: 'string', pattern: '^[A-Za-z0-9._:-]{1,128}$' },
}

const lastEventId: Schema = {
  name: 'Last-Event-ID',
  in: 'header',
  required: false,
  description: 'Sent by event stream clients when they come back; wins over `resume`.',
  schema: { type: 'string' },
}
