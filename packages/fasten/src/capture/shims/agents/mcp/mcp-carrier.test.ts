// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client'
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio'
import { NodeStreamableHTTPServerTransport } from '@modelcontextprotocol/node'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { describeCarrier } from '../../../../testing/carrier-contract.ts'
import { echo, openSender, type BareTransport } from './fixtures/echo.ts'
import { mcpCarrier } from './mcp-carrier.ts'
import { paramsOf, type McpMessage } from './message.ts'

const harness = {
  carrier: mcpCarrier,
  message: (payload: string | Uint8Array): McpMessage => call({ payload: asArgument(payload) }),
  payloadOf: (message: McpMessage): Uint8Array => {
    const { payload } = paramsOf(message)['arguments'] as { readonly payload: string | { base64: string } }
    return typeof payload === 'string' ? Buffer.from(payload) : Buffer.from(payload.base64, 'base64')
  },
  forged: ({ request_id, caused_by, ...w3c }: Readonly<Record<string, unknown>>): McpMessage => {
    const members = { ...w3c, 'fasten/request_id': request_id, 'fasten/caused_by': caused_by }
    const given = Object.entries(members).filter(([, value]) => value !== undefined)
    return call({ payload: '' }, Object.fromEntries(given))
  },
}

function call(args: unknown, meta?: unknown): McpMessage {
  const params = { name: 'echo', arguments: args, ...(meta === undefined ? {} : { _meta: meta }) }
  return { jsonrpc: '2.0', id: 0, method: 'tools/call', params }
}

/** Bytes travel as the protocol's own contents do. */
function asArgument(payload: string | Uint8Array): unknown {
  return typeof payload === 'string' ? payload : { base64: Buffer.from(payload).toString('base64') }
}

describeCarrier('MCP, in one process', async () => harness)

for (const [version, Transport] of [
  ['v1', StdioV1],
  ['v2', StdioV2],
] as const)
  describe(`SDK ${version}`, () => {
    // One process for all cases: it takes longer to start than all of them together.
    const server = fileURLToPath(new URL('./fixtures/echo-server.ts', import.meta.url))
    const opening = openSender(new Transport({ command: process.execPath, args: [server, version] }))
    after(async () => (await opening).close())
    describeCarrier(`MCP over stdio to another process, SDK ${version}`, async () => ({
      ...harness,
      transmit: (await opening).transmit,
      interleaved: 1_000,
    }))
  })

type HttpTransport = BareTransport & {
  handleRequest(request: IncomingMessage, response: ServerResponse): Promise<void>
}

/** A server without sessions: each request has a transport of its own. */
async function serveHttp(open: () => HttpTransport): Promise<{ readonly url: URL; close(): Promise<void> }> {
  const http = createServer((request, response) => {
    const transport = open()
    response.on('close', () => void transport.close())
    void echo(transport).then(() => transport.handleRequest(request, response))
  })
  await once(http.listen(0, '127.0.0.1'), 'listening')
  return {
    url: new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/`),
    async close() {
      http.closeAllConnections()
      await new Promise((resolve) => http.close(resolve))
    },
  }
}

for (const [version, Client, Server] of [
  ['v1', HttpV1, StreamableHTTPServerTransport],
  ['v2', HttpV2, NodeStreamableHTTPServerTransport],
] as const)
  describeCarrier(`MCP over Streamable HTTP, SDK ${version}`, async () => {
    const server = await serveHttp(() => new Server({ enableJsonResponse: true }))
    const sender = await openSender(new Client(server.url))
    return {
      ...harness,
      ...sender,
      interleaved: 200,
      async close() {
        await sender.close()
        await server.close()
      },
    }
  })

test('answers, and messages whose members are not what the protocol wants, go as they are', () => {
  for (const message of [
    { jsonrpc: '2.0', id: 1, result: { content: [] } },
    { jsonrpc: '2.0', id: 1, error: { code: -32_603, message: 'no' } },
    { jsonrpc: '2.0', id: 1, method: 'x', params: ['by', 'place'] },
    { jsonrpc: '2.0', id: 1, method: 'x', params: { _meta: 'text' } },
    {},
  ])
    assert.equal(mcpCarrier.inject(message, { request_id: 'r-1' }), message)
  assert.deepEqual(mcpCarrier.inject({ method: 'notifications/initialized' }, { request_id: 'r-1' }), {
    method: 'notifications/initialized',
    params: { _meta: { 'fasten/request_id': 'r-1' } },
  })
})
