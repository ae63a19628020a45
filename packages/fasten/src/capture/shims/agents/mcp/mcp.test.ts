// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable prefer-add-event-listener -- transports of MCP can be listened to in no other way */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test } from 'node:test'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import type { Client } from '@modelcontextprotocol/client'
import { InMemoryTransport } from '@modelcontextprotocol/client'
import type { McpServer } from '@modelcontextprotocol/server'
import { createMcpHandler, Server } from '@modelcontextprotocol/server'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { currentContext, runWithContext, type RequestContext } from '../../../context.ts'
import { wrapFetch } from '../../http/fetch.ts'
import { createClient, createServer, join, seenIn, until, versions, type Seen } from './fixtures/peers.ts'
import { instrumentMcpClient, instrumentMcpServer } from './mcp.ts'
import type { McpMessage } from './message.ts'

const caller: RequestContext = {
  request_id: 'order-7',
  trace_id: 'a'.repeat(32),
  span_id: 'b'.repeat(16),
  trace_flags: 1,
  baggage: 'shop=7',
  caused_by: 'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV',
}
const call = { name: 'look', arguments: {} }
const anId = /^[0-9a-f]{12}$/

for (const clientVersion of versions)
  for (const serverVersion of versions)
    describe(`a client of SDK ${clientVersion} and a server of SDK ${serverVersion}`, () => {
      test('tools, resources and prompts run in what the caller works for', async () => {
        const [client, server] = [createClient(clientVersion), createServer(serverVersion)]
        instrumentMcpClient(client)
        instrumentMcpServer(server)
        await join(client, server)
        const [tool, resource, prompt] = await runWithContext(caller, () =>
          Promise.all([
            client.callTool(call),
            client.readResource({ uri: 'here://context' }),
            client.getPrompt({ name: 'here' }),
          ]),
        )
        const { text: read } = resource.contents[0] as { readonly text: string }
        const [{ content: asked } = { content: null }] = prompt.messages
        const { text: prompted } = asked as { readonly text: string }
        for (const context of [
          seenIn(tool).context,
          JSON.parse(read),
          JSON.parse(prompted),
        ] as RequestContext[]) {
          const { span_id, parent_span_id, ...rest } = context
          const { span_id: sent, ...expected } = caller
          assert.deepEqual(rest, { ...expected, method: 'agent_tool' })
          assert.match(span_id ?? '', /^[0-9a-f]{16}$/)
          assert.notEqual(span_id, sent)
          assert.equal(parent_span_id, sent)
        }
        await client.close()
      })

      test('progress is heard where it was asked for, and a server that asks back asks for the same request', async () => {
        const [client, server] = [createClient(clientVersion), createServer(serverVersion)]
        instrumentMcpClient(client)
        instrumentMcpServer(server)
        await join(client, server)
        const heard: unknown[] = []
        const sampled = await runWithContext(caller, async () => {
          const onprogress = (): unknown => heard.push(currentContext())
          await client.callTool(
            { name: 'progress', arguments: {} },
            ...options(clientVersion, { onprogress }),
          )
          assert.equal(currentContext(), caller)
          return client.callTool({ name: 'sample', arguments: {} })
        })
        assert.deepEqual(heard, [caller])
        const { text } = (sampled.content as readonly { readonly text: string }[])[0] ?? { text: '' }
        const answer = JSON.parse(text) as { readonly content: { readonly text: string } }
        const context = JSON.parse(answer.content.text) as RequestContext
        assert.deepEqual([context.request_id, context.trace_id], [caller.request_id, caller.trace_id])
        await client.close()
      })

      test('a call that is cancelled is cancelled in its own context', async () => {
        const notes: [string, string | undefined][] = []
        const note = (what: string, context: RequestContext | null): unknown =>
          notes.push([what, context?.request_id])
        const [client, server] = [createClient(clientVersion), createServer(serverVersion, note)]
        instrumentMcpClient(client)
        instrumentMcpServer(server)
        await join(client, server)
        const aborting = new AbortController()
        const waiting = runWithContext(caller, () =>
          client.callTool(
            { name: 'wait', arguments: {} },
            ...options(clientVersion, { signal: aborting.signal }),
          ),
        )
        await until(() => notes.length > 0)
        runWithContext({ request_id: 'who-cancels' }, () => aborting.abort())
        await assert.rejects(waiting)
        await until(() => notes.length > 1)
        assert.deepEqual(notes, [
          ['waits', 'order-7'],
          ['aborted', 'order-7'],
        ])
        await client.close()
      })

      test('one that is not instrumented works as before, on either side', async () => {
        const seen = async (which: 'client' | 'server') => {
          const [client, server] = [createClient(clientVersion), createServer(serverVersion)]
          if (which === 'client') instrumentMcpClient(client)
          else instrumentMcpServer(server)
          await join(client, server)
          const _meta = { 'com.example/mine': { deep: [1] }, 'fasten/request_id': 'set-by-hand' }
          const results = [
            await runWithContext(caller, () => client.callTool(call)),
            await runWithContext(caller, () => client.callTool({ ...call, _meta })),
          ]
          assert.deepEqual(_meta, { 'com.example/mine': { deep: [1] }, 'fasten/request_id': 'set-by-hand' })
          await client.close()
          return results.map(seenIn)
        }
        const [sent, byHand] = await seen('client')
        // Each call has a name of its own.
        const refOf = (found: Seen | undefined): unknown =>
          (found?.meta as Record<string, unknown> | undefined)?.['fasten/call_ref']
        for (const ref of [refOf(sent), refOf(byHand)]) assert.match(String(ref), /^mcp-[0-9a-f]{12}$/)
        assert.notEqual(refOf(sent), refOf(byHand))
        assert.deepEqual(sent?.meta, {
          'fasten/call_ref': refOf(sent),
          traceparent: `00-${caller.trace_id}-${caller.span_id}-01`,
          baggage: 'shop=7',
          'fasten/request_id': 'order-7',
          'fasten/caused_by': caller.caused_by,
        })
        assert.deepEqual(byHand?.meta, {
          ...(sent?.meta as object),
          'fasten/call_ref': refOf(byHand),
          'com.example/mine': { deep: [1] },
          'fasten/request_id': 'set-by-hand',
        })
        const [received, receivedByHand] = await seen('server')
        // In one process the work that calls is seen to lead here, as it is behind an HTTP server of ours.
        assert.equal(received?.context?.request_id, 'order-7')
        assert.equal(receivedByHand?.context?.request_id, 'set-by-hand')
      })
    })

/** Call options stand third in the first SDK, behind a schema. */
function options(version: string, given: object): [] {
  return (version === 'v1' ? [undefined, given] : [given]) as unknown as []
}

describe('what comes from outside', () => {
  /** Sends one request past any client and answers what the tool saw. */
  async function bySender(message: object, authInfo?: object): Promise<RequestContext | null> {
    const server = createServer('v2')
    instrumentMcpServer(server)
    const [one, other] = InMemoryTransport.createLinkedPair()
    await server.connect(other)
    await one.start()
    const ask = (request: McpMessage): Promise<McpMessage> =>
      new Promise((resolve, reject) => {
        one.onmessage = (answer) => resolve(answer)
        one.send(request as never, { authInfo } as never).catch(reject)
      })
    await ask({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'x', version: '1' } },
    })
    const answer = await ask({ jsonrpc: '2.0', id: 2, method: 'tools/call', ...message })
    await one.close()
    return seenIn(answer.result as object).context
  }

  test('is judged: bad ids are replaced, and nobody says who they are in _meta', async () => {
    const hostile = await bySender({
      params: {
        ...call,
        _meta: {
          'fasten/request_id': 'scheduler-svc-0123456789ab',
          'fasten/caused_by': 'evt-1; drop table',
          traceparent: '00-zz',
          on_behalf_of: 'root',
          'fasten/on_behalf_of': 'root',
          actor: 'root',
        },
      },
    })
    const { request_id, ...rest } = hostile ?? { request_id: '' }
    assert.match(request_id, anId)
    assert.deepEqual(rest, { inbound_request_id: 'scheduler-svc-0123456789ab', method: 'agent_tool' })
  })

  test('who calls is what the server found out', async () => {
    const _meta = { 'fasten/request_id': 'r-1' }
    const context = await bySender(
      { params: { ...call, _meta } },
      { token: 'secret', clientId: 'agent-1', scopes: [], extra: { sub: 'ada' } },
    )
    assert.deepEqual(context, {
      request_id: 'r-1',
      method: 'agent_tool',
      actor: 'agent-1',
      actor_kind: 'agent',
      on_behalf_of: 'ada',
    })
  })

  test('without an id a request gets one', async () => {
    const ids = [await bySender({ params: call }), await bySender({ params: call })].map(
      (seen) => seen?.request_id,
    )
    for (const id of ids) assert.match(id ?? '', anId)
    assert.notEqual(ids[0], ids[1])
  })
})

describe('over HTTP, behind a shim of ours', () => {
  const serve = (): ((request: Request) => Promise<Response>) => {
    const handler = createMcpHandler(() => {
      const server = createServer('v2') as McpServer
      instrumentMcpServer(server)
      return server
    })
    return wrapFetch((request) => handler.fetch(request), {
      actor: () => ({ actor: 'ada', tenant_id: 'acme' }),
    })
  }
  async function lookOver(
    client: Client,
    fetch: (request: Request) => Promise<Response>,
  ): Promise<RequestContext | null> {
    const url = new URL('http://127.0.0.1/mcp')
    const headers = { 'x-request-id': 'by-header' }
    await client.connect(
      new StreamableHTTPClientTransport(url, {
        fetch: (to, init) => fetch(new Request(to, init)),
        requestInit: { headers },
      }),
    )
    const seen = await runWithContext(caller, () => client.callTool(call))
    await client.close()
    return seenIn(seen).context
  }

  for (const version of versions) {
    test(`a client of SDK ${version} that says nothing belongs to the HTTP request`, async () => {
      const context = await lookOver(createClient(version), serve())
      assert.deepEqual(
        [context?.request_id, context?.method, context?.actor, context?.tenant_id],
        ['by-header', 'agent_tool', 'ada', 'acme'],
      )
    })
    test(`one of SDK ${version} that says more is believed in what it does, not in who it is`, async () => {
      const client = createClient(version)
      instrumentMcpClient(client)
      const context = await lookOver(client, serve())
      assert.deepEqual(
        [context?.request_id, context?.trace_id, context?.actor, context?.tenant_id],
        ['order-7', caller.trace_id, 'ada', 'acme'],
      )
    })
  }
})

test('a session over real HTTP serves each request under its own id', { timeout: 60_000 }, async (t) => {
  const server = createServer('v1')
  instrumentMcpServer(server)
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'session-1' })
  await server.connect(transport)
  const http = createHttpServer((request, response) => void transport.handleRequest(request, response))
  await once(http.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`)
  for (const version of versions) {
    const client = createClient(version)
    instrumentMcpClient(client)
    await client.connect(
      version === 'v1' ? new HttpV1(url) : new StreamableHTTPClientTransport(url, { sessionId: 'session-1' }),
    )
    const ids = Array.from({ length: 50 }, (_, index) => `${version}-${index}`)
    const seen = await Promise.all(
      ids.map((request_id) => runWithContext({ request_id }, () => client.callTool(call))),
    )
    assert.deepEqual(
      seen.map((result) => seenIn(result).context?.request_id),
      ids,
    )
  }
  await server.close()
})

describe('instrumenting', () => {
  test('twice is once, and undone is as before', async () => {
    const server = createServer('v2') as McpServer
    const { connect } = server.server
    const undo = instrumentMcpServer(server)
    assert.equal(instrumentMcpServer(server), undo)
    const client = createClient('v2')
    await join(client, server)
    undo()
    assert.equal(server.server.connect, connect)
    assert.equal(Object.hasOwn(server.server, 'connect'), false)
    const before = seenIn(await client.callTool({ ...call, _meta: { 'fasten/request_id': 'r-1' } }))
    assert.equal(before.context, null)
    instrumentMcpServer(server)
    const after = seenIn(await client.callTool({ ...call, _meta: { 'fasten/request_id': 'r-1' } }))
    assert.equal(after.context?.request_id, 'r-1')
    await client.close()
  })

  test('a class is instrumented for all that are made of it', async () => {
    const undo = instrumentMcpServer(Server)
    const [client, server] = [createClient('v2'), createServer('v2')]
    await join(client, server)
    const seen = seenIn(await client.callTool({ ...call, _meta: { 'fasten/request_id': 'r-1' } }))
    assert.equal(seen.context?.request_id, 'r-1')
    undo()
    await client.close()
  })

  test('what has no connections is refused at once', () => {
    for (const wrong of [{}, null, () => {}])
      assert.throws(() => instrumentMcpServer(wrong as never), TypeError)
  })
})
