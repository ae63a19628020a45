// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable prefer-add-event-listener -- clients of MCP can be listened to in no other way */
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { runWithContext } from '../context.ts'
import { instrumentMcpClient } from '../shims/agents/mcp/index.ts'
import { registered } from './fixtures/registered.ts'

/** The server that the protocol's authors publish for trying clients out, as it comes from npm. */
const serverFile = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/server-everything/package.json')),
  'dist/index.js',
)

test("the reference server's tools leave rows under the ids of their callers, by configuration alone", async (t) => {
  const { flags, env, rows } = registered(t, 'everything')
  const client = new Client({ name: 'desk', version: '1' })
  instrumentMcpClient(client)
  // Every line is wanted, and the server has stdout to itself all the same.
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [...flags, serverFile, 'stdio'],
    env: { ...env, FASTEN_STDOUT: 'audit,sys,api' },
    stderr: 'pipe',
  })
  const said = text(transport.stderr as Readable)
  const misread: unknown[] = []
  client.onerror = (error) => void misread.push(error)
  await client.connect(transport)
  const ask = (request_id: string, name: string, args: Record<string, unknown>): Promise<unknown> =>
    runWithContext({ request_id }, () => client.callTool({ name, arguments: args }))
  const echoed = await ask('order-1', 'echo', { message: 'hello' })
  assert.match(JSON.stringify(echoed), /hello/)
  await Promise.all(
    Array.from({ length: 50 }, (_, index) => ask(`sum-${index}`, 'get-sum', { a: index, b: 1 })),
  )
  await ask('order-2', 'echo', { message: 7 })
  await client.close()
  const found = await rows('audit')
  const told = found.map(({ request_id, code, target, outcome }) =>
    [request_id, code, target, outcome].join(' '),
  )
  assert.deepEqual(
    told.toSorted(),
    [
      'order-1 TOOL_CALLED echo success',
      'order-2 TOOL_FAILED echo failure',
      ...Array.from({ length: 50 }, (_, index) => `sum-${index} TOOL_CALLED get-sum success`),
    ].toSorted(),
  )
  assert.ok(found.every(({ method }) => method === 'agent_tool'))
  assert.deepEqual(misread, [], 'nothing but messages on stdout')
  assert.match(await said, /"code":"TOOL_CALLED"/, 'lines are on stderr')
})
