// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, test } from 'node:test'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { endpoints } from './endpoints.ts'
import { readEvents } from './event-source.ts'
import { openRings, openSqlite, readerOf, type Opened } from './fixtures/opened.ts'
import { openapi, schemaOf } from './openapi.ts'
import { filterParameters, steering } from './parameters.ts'
import { createReaderRouter, type ReaderHandler } from './router.ts'

// What OpenAPI 3.1 says of the parts that are used here (OAS 3.1.0, 4.8), as far as a document can be wrong about them.
interface Document {
  readonly openapi: string
  readonly paths: Readonly<Record<string, { readonly get: Operation }>>
  readonly components: {
    readonly schemas: Readonly<Record<string, object>>
    readonly responses: Readonly<Record<string, Answer>>
    readonly parameters: Readonly<Record<string, Declared>>
  }
}
interface Operation {
  readonly operationId: string
  readonly parameters: readonly (Declared | { readonly $ref: string })[]
  readonly responses: Readonly<Record<string, Answer | { readonly $ref: string }>>
}
interface Declared {
  readonly name: string
  readonly in: string
  readonly required: boolean
  readonly schema: object
  readonly examples?: { readonly example: { readonly value: unknown } }
}
interface Answer {
  readonly description: string
  readonly content?: Readonly<Record<string, { readonly schema: { readonly $ref: string } }>>
}

const document = openapi() as unknown as Document
const declared = (operation: Operation): Declared[] =>
  operation.parameters.map((one) =>
    '$ref' in one
      ? (document.components.parameters[one.$ref.split('/').at(-1) ?? ''] ?? assert.fail(one.$ref))
      : one,
  )
const ajv = new Ajv2020({ strict: false, allErrors: true })
ajv.addSchema({ $id: 'openapi', components: document.components })
const validatorOf = (ref: string): ValidateFunction => ajv.compile({ $ref: `openapi${ref}` })

describe('the OpenAPI document', () => {
  test('spec/reader.openapi.json is what the tables say', () => {
    const file = new URL('../../../../spec/reader.openapi.json', import.meta.url)
    assert.equal(
      readFileSync(file, 'utf8'),
      `${JSON.stringify(openapi(), null, 2)}\n`,
      'run `npm run generate`',
    )
  })

  test('every reference resolves, and every schema is one', () => {
    const walk = (value: unknown): void => {
      if (typeof value !== 'object' || value === null) return
      for (const [name, member] of Object.entries(value)) {
        if (name !== '$ref') walk(member)
        else
          assert.ok(
            String(member)
              .split('/')
              .slice(1)
              .reduce<unknown>(
                (at, part) => (at as Record<string, unknown> | undefined)?.[part],
                document,
              ) !== undefined,
            String(member),
          )
      }
    }
    walk(document)
    assert.match(document.openapi, /^3\.1\.\d$/)
    for (const name of Object.keys(document.components.schemas)) validatorOf(`#/components/schemas/${name}`)
    const named = new Set(endpoints.flatMap(({ answers }) => Object.values(answers)))
    for (const name of named) assert.ok(name in document.components.schemas, name)
  })

  test('operations are told apart, their answers described, their path parameters declared', () => {
    const operations = Object.entries(document.paths).map(([path, { get }]) => ({ path, ...get }))
    assert.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
    for (const { path, responses, ...operation } of operations) {
      assert.match(path, /^\//)
      const parameters = declared({ responses, ...operation })
      const keys = parameters.map(({ name, in: place }) => `${place} ${name}`)
      assert.equal(new Set(keys).size, keys.length, `${path} repeats a parameter`)
      for (const [, name] of path.matchAll(/\{(\w+)\}/g))
        assert.ok(
          parameters.some((one) => one.name === name && one.in === 'path' && one.required),
          path,
        )
      for (const [status, answer] of Object.entries(responses)) {
        assert.match(status, /^[1-5]\d\d$/)
        assert.ok('$ref' in answer || answer.description.length > 0)
      }
      assert.ok('200' in responses)
    }
  })

  test('every example is valid by its own schema', () => {
    for (const { get } of Object.values(document.paths)) {
      for (const { name, schema, examples } of declared(get)) {
        if (examples !== undefined)
          assert.ok(ajv.validate(schema, examples.example.value), `${name}: ${ajv.errorsText()}`)
      }
    }
    for (const { kind, example } of [...filterParameters, ...Object.values(steering)])
      assert.ok(ajv.validate(schemaOf(kind), kind.type === 'integer' ? Number(example) : example), example)
  })
})

describe('what is served', () => {
  let stored: Opened
  let ringed: Opened
  const handlers: ReaderHandler[] = []
  before(async () => {
    stored = await openSqlite()
    ringed = await openRings()
    for (const opened of [stored, ringed]) {
      const drafts = createSampleDrafts({ tenant_id: 'acme' })
      await opened.append([
        drafts.audit({
          request_id: 'one',
          reason: 'because',
          source: { ip: '10.0.0.7' },
          pii_in_detail: true,
          sd: { '/detail/a': 'x' },
        }),
        drafts.audit(),
        drafts.sys({ request_id: 'one' }),
        drafts.api({ request_id: 'one', error: 'aborted', bytes_in: 7 }),
      ])
      handlers.push(createReaderRouter(readerOf(opened.sources), { authorize: 'open' }))
    }
  })
  after(async () => {
    await stored.close()
    await ringed.close()
  })

  const asked: Readonly<Record<string, readonly string[]>> = {
    '/audit': ['/audit', '/audit?limit=1', '/audit?total=none', '/audit?code=NONE'],
    '/sys': ['/sys', '/sys?q=order&since=2031-01-01'],
    '/api': ['/api?total=exact'],
    '/correlate': ['/correlate?request_id=one', '/correlate?request_id=none'],
    '/thread': ['/thread?request_id=one'],
    '/search': ['/search?q=order&since=2031-01-01&streams=audit,sys,api'],
    '/topology': ['/topology', '/topology?since=2031-01-01'],
    '/audit/doctor': ['/audit/doctor'],
    '/verify': ['/verify', '/verify?stream=sys', '/verify?log=none'],
    '/logs': ['/logs'],
    '/row': [],
    '/row/{id}': [`/row/${createSampleDrafts().audit().id}`],
    '/tail': [],
    '/export': ['/export?limit=1', '/export?format=csv', '/export?stream=api&limit=1&since=2031-01-01'],
    '/openapi.json': ['/openapi.json'],
  }

  for (const [path, urls] of Object.entries(asked)) {
    test(`${path} answers as documented`, async () => {
      const { responses } = document.paths[path]?.get ?? assert.fail(`${path} is not documented`)
      for (const handle of handlers) {
        for (const url of urls) {
          const response = await handle(new Request(`http://reader.invalid${url}`))
          assert.equal(response.status, 200, url)
          const media = response.headers.get('content-type')?.split(';')[0] ?? ''
          const { content } = responses['200'] as Answer
          const ref =
            content?.[media]?.schema.$ref ?? assert.fail(`${url} answers ${media}, which is not documented`)
          const text = await response.text()
          const value: unknown = media === 'text/csv' ? text : JSON.parse(text)
          const validate = validatorOf(ref)
          assert.ok(validate(value), `${url}: ${ajv.errorsText(validate.errors)}`)
        }
      }
    })
  }

  test('a row at its place, and the rows of a tail, answer as documented', async () => {
    const validate = validatorOf('#/components/schemas/row')
    const [handle] = handlers
    const place = new URLSearchParams({ log: 'acme/gateway/edge-1/audit', monotonic_seq: '1' })
    const row: unknown = await (await handle?.(new Request(`http://reader.invalid/row?${place}`)))?.json()
    assert.ok(validate(row), ajv.errorsText(validate.errors))
    const gone = new AbortController()
    const tail = await handle?.(new Request('http://reader.invalid/tail?backlog=1', { signal: gone.signal }))
    let seen = 0
    for await (const { data } of readEvents(tail?.body ?? assert.fail('no body'))) {
      if (data === '') continue
      assert.ok(validate(JSON.parse(data)), ajv.errorsText(validate.errors))
      if (++seen === 3) gone.abort()
    }
    assert.equal(seen, 3)
  })

  test('every endpoint is asked above', () => {
    assert.deepEqual(Object.keys(asked).sort(), Object.keys(document.paths).sort())
  })

  test('problems are problems', async () => {
    const validate = validatorOf('#/components/schemas/problem')
    for (const url of ['/nothing', '/audit?nope=1&limit=0', '/row/evt-none', '/search']) {
      const response = await handlers[0]?.(new Request(`http://reader.invalid${url}`))
      assert.ok(validate(await response?.json()), `${url}: ${ajv.errorsText(validate.errors)}`)
    }
  })
})
