// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readJson } from 'fasten/core'
import Fastify from 'fastify'
import { readJsonBodies } from './json-body.ts'

const app = Fastify()
readJsonBodies(app)
app.post('/', async ({ body }) => ({ body }))

async function posted(payload: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const headers = { 'content-type': 'application/json' }
  const { statusCode, body } = await app.inject({ method: 'POST', url: '/', headers, payload })
  const answer = readJson(body) as { readonly body?: unknown; readonly code?: unknown }
  return { status: statusCode, body: answer.body ?? answer.code ?? 'refused' }
}

test('names are what they say, whatever was read before', async () => {
  for (const name of ['b\\', 'b\n', 'b"', 'b'])
    assert.deepEqual(await posted(JSON.stringify({ a: 1, [name]: 2 })), {
      status: 200,
      body: { a: 1, [name]: 2 },
    })
})

for (const [title, payload, code] of [
  ['nothing', '', 'FST_ERR_CTP_EMPTY_JSON_BODY'],
  ['no JSON', '{"a\\n":}', 'FST_ERR_CTP_INVALID_JSON_BODY'],
  ['a poisoned prototype', '{"a":{"__proto__":{}}}', 'FST_ERR_CTP_INVALID_JSON_BODY'],
] as const)
  test(`${title} is refused as Fastify does`, async () => {
    assert.deepEqual(await posted(payload), { status: 400, body: code })
  })

test('a poisoned name is refused that the engine takes for another', async () => {
  await posted(JSON.stringify({ a: 1, '\\u005f_pr': 2 }))
  assert.deepEqual(await posted('{"a":1,"\\u005f_proto__":{"b":2}}'), { status: 400, body: 'refused' })
})
