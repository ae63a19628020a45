// SPDX-License-Identifier: Apache-2.0
/* oxlint-disable prefer-add-event-listener -- clients of MCP can be listened to in no other way */
import assert from 'node:assert/strict'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { StreamableHTTPClientTransport, type Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { createMcpHandler, type McpServer } from '@modelcontextprotocol/server'
import type { AuditRow } from '../../../../core/row.ts'
import { runWithContext } from '../../../context.ts'
import { bench, type Bench } from '../../../fixtures/instance.ts'
import { createAgents, type Agents } from '../agents.ts'
import { createDigest } from '../digest.ts'
import { createClient, createServer, join, until, versions, type Version } from './fixtures/peers.ts'
import { instrumentMcpClient, instrumentMcpServer } from './mcp.ts'

const caller = { request_id: 'order-7', caused_by: 'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV', actor: 'ada' }

interface Place {
  readonly agents: Agents
  /** Rows of tools, the oldest first, once everything is stored. */
  rows(): Promise<readonly AuditRow[]>
}

function open(t: TestContext): Place & { readonly bench: Bench } {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  return {
    bench: place,
    agents: createAgents({ fasten }),
    async rows() {
      await fasten.close()
      return place.auditRows()
    },
  }
}

/** Members of a row that a test compares. */
function gist({ code, outcome, target, request_id, caused_by, call_ref, detail }: AuditRow): object {
  const { error, error_code } = detail
  return { code, outcome, target, request_id, caused_by, call_ref, error, error_code }
}

for (const version of versions)
  describe(`rows of tools, SDK ${version}`, () => {
    test('a server leaves one for each call, and what the tool does is caused by it', async (t) => {
      const { bench: place, agents, rows } = open(t)
      const causes: (string | undefined)[] = []
      const server = createServer(version, (_, context) => causes.push(context?.caused_by))
      instrumentMcpServer(server, { agents, tools: (name) => ({ risk: `risk of ${name}` }) })
      const client = createClient(version)
      instrumentMcpClient(client)
      await join(client, server)
      const args = { value: { text: 'ünï', n: 1.5 } }
      const answer = await runWithContext(caller, () => client.callTool({ name: 'echo', arguments: args }))
      assert.deepEqual(answer.structuredContent, { value: args.value })
      await client.close()
      const [row, ...more] = await rows()
      assert.deepEqual(more, [])
      const digest = createDigest()
      assert.ok(row)
      assert.deepEqual(row, {
        ...row,
        code: 'TOOL_CALLED',
        outcome: 'success',
        actor: 'agent',
        actor_kind: 'agent',
        method: 'agent_tool',
        target: 'echo',
        target_kind: 'tool',
        request_id: 'order-7',
        caused_by: caller.caused_by,
        detail: {
          tool: 'echo',
          risk: 'risk of echo',
          server: 'fixture',
          transport: 'mcp',
          args_hash: digest(args),
          result_hash: digest({ content: [], structuredContent: { value: args.value } }),
          latency_ms: row.detail['latency_ms'],
        },
      })
      // Known to this process, which the two share. No message says whom it is for.
      assert.equal(row.on_behalf_of, 'ada')
      assert.equal(place.lines.length, 0)
    })

    test('what fails, or is not there, is told as failed', async (t) => {
      const { agents, rows } = open(t)
      const [client, server] = [createClient(version), createServer(version)]
      instrumentMcpServer(server, { agents })
      await join(client, server)
      const failed = await client.callTool({ name: 'fail', arguments: {} })
      assert.deepEqual(failed, {
        ...failed,
        isError: true,
        content: [{ type: 'text', text: 'the tool failed' }],
      })
      await client.callTool({ name: 'fail', arguments: { value: 'throw' } })
      const unknown = await Promise.allSettled([client.callTool({ name: 'nobody', arguments: {} })])
      await client.close()
      const told = (await rows()).map(({ code, target, detail }) => [code, target, detail['error_code']])
      assert.deepEqual(told, [
        ['TOOL_FAILED', 'fail', 'isError'],
        ['TOOL_FAILED', 'fail', 'isError'],
        ['TOOL_FAILED', 'nobody', unknown[0]?.status === 'rejected' ? '-32602' : 'isError'],
      ])
    })

    test('a call that is cancelled, times out or loses its connection is told as failed, on both sides', async (t) => {
      const { agents, rows } = open(t)
      let waiting = 0
      const server = createServer(version, (what) => void (what === 'waits' && waiting++))
      const client = createClient(version)
      instrumentMcpServer(server, { agents })
      instrumentMcpClient(client, { agents, records: true })
      await join(client, server)
      const wait = (given: object): Promise<unknown> =>
        client.callTool({ name: 'wait', arguments: {} }, ...optionsOf(version, given))
      const aborting = new AbortController()
      const ends = [
        wait({ signal: aborting.signal }),
        // Anything at all; the others are not waiting for the clock.
        wait({ timeout: 5 }),
        wait({}),
      ]
      await until(() => waiting === 3)
      aborting.abort()
      await assert.rejects(ends[0] as Promise<unknown>)
      await assert.rejects(ends[1] as Promise<unknown>)
      await client.close()
      await assert.rejects(ends[2] as Promise<unknown>)
      const told = (await rows()).map(({ code, call_ref, detail }) => [code, detail['error_code'], call_ref])
      assert.equal(told.length, 6)
      assert.deepEqual(new Set(told.map(([code]) => code)), new Set(['TOOL_FAILED']))
      const refs = [...new Set(told.map(([, , ref]) => ref))]
      assert.deepEqual(
        refs.map((ref) => told.filter(([, , other]) => other === ref).map(([, how]) => how)).toSorted(),
        [
          ['cancelled', 'cancelled'],
          ['cancelled', 'cancelled'],
          ['disconnected', 'disconnected'],
        ],
      )
    })

    test('where both sides record, the two rows are one call', async (t) => {
      const { agents, rows } = open(t)
      const [client, server] = [createClient(version), createServer(version)]
      instrumentMcpServer(server, { agents })
      instrumentMcpClient(client, { agents, records: true, name: 'ours' })
      await join(client, server)
      await runWithContext(caller, () => client.callTool({ name: 'echo', arguments: { value: 1 } }))
      await client.close()
      const [served, sent] = await rows()
      assert.deepEqual([sent?.caused_by, served?.caused_by], [caller.caused_by, sent?.id])
      assert.match(served?.call_ref ?? '', /^mcp-[0-9a-f]{12}$/)
      assert.equal(sent?.call_ref, served?.call_ref)
      assert.equal(sent?.detail['result_hash'], served?.detail['result_hash'])
      assert.equal(sent?.detail['args_hash'], served?.detail['args_hash'])
      assert.deepEqual([sent?.detail['server'], served?.detail['server']], ['ours', 'fixture'])
    })

    test('the reference of a call is the one its model gave it', async (t) => {
      const { agents, rows } = open(t)
      const [client, server] = [createClient(version), createServer(version)]
      instrumentMcpServer(server, { agents })
      instrumentMcpClient(client, { agents, records: true })
      await join(client, server)
      await runWithContext(caller, () =>
        agents.agent('planner', () => {
          const model = agents.recorder.startModel({ model: 'm' })
          model.asked('call_1', 'echo', { value: 1 })
          model.succeeded()
          return client.callTool({ name: 'echo', arguments: { value: 1 } })
        }),
      )
      await client.close()
      const [asked, served, sent] = await rows()
      assert.deepEqual(
        [asked?.code, sent?.caused_by, served?.caused_by],
        ['MODEL_CALLED', asked?.id, sent?.id],
      )
      assert.deepEqual([sent?.call_ref, served?.call_ref], ['call_1', 'call_1'])
      assert.deepEqual([sent?.actor, sent?.on_behalf_of], ['planner', 'ada'])
    })

    test('an agent, a server in another process, an agent there and its tool are one tree', async (t) => {
      const { bench: place, agents, rows } = open(t)
      const client = createClient(version)
      instrumentMcpClient(client, { agents, records: true })
      const path = fileURLToPath(new URL('./fixtures/agent-server.ts', import.meta.url))
      const transport = new StdioClientTransport({
        command: process.execPath,
        args: ['--conditions=fasten-source', path, version],
        env: { ...(process.env as Record<string, string>), FASTEN_AUDIT_DSN: place.dsn },
        stderr: 'pipe',
      })
      const said = text(transport.stderr as Readable)
      const misread: unknown[] = []
      client.onerror = (error) => void misread.push(error)
      await client.connect(transport)
      const answer = await runWithContext({ request_id: 'order-7' }, () =>
        agents.agent('desk', () => client.callTool({ name: 'plan', arguments: { order: 7 } })),
      )
      assert.deepEqual(answer.structuredContent, { found: true })
      const { structuredContent: settled } = await client.callTool({ name: 'settle', arguments: {} })
      assert.deepEqual(settled, { settled: true })
      await client.close()
      const found = (await rows()).filter(({ target }) => target !== 'settle')
      const by = (target: string, service: string): AuditRow => {
        const row = found.find((each) => each.target === target && each.service_id === service)
        assert.ok(row, `${service} has a row of ${target}`)
        return row
      }
      const [asked, served] = [by('plan', 'shop'), by('plan', 'planner')]
      const [delegated, looked] = [by('finder', 'planner'), by('look_up', 'planner')]
      assert.equal(found.length, 4)
      assert.deepEqual(new Set(found.map(({ request_id }) => request_id)), new Set(['order-7']))
      assert.deepEqual(
        [asked.caused_by, served.caused_by, delegated.caused_by, looked.caused_by],
        [undefined, asked.id, served.id, delegated.id],
      )
      assert.deepEqual([asked.actor, looked.actor], ['desk', 'finder'])
      assert.equal(served.call_ref, asked.call_ref)
      assert.deepEqual(misread, [], 'its stdout has nothing but messages')
      assert.match(await said, /"event":"looked"/, 'its lines are on stderr')
    })
  })

test('a tool that wants to know something first is one call to its client, and one for each round to its server', async (t) => {
  const { agents, rows } = open(t)
  const handler = createMcpHandler(() => {
    const server = createServer('v2') as McpServer
    instrumentMcpServer(server, { agents })
    return server
  })
  const client = createClient('v2')
  instrumentMcpClient(client, { agents, records: true })
  const fetch = (to: URL | string, init?: RequestInit): Promise<Response> =>
    handler.fetch(new Request(to, init))
  await client.connect(new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), { fetch }))
  const answer = await runWithContext(caller, () => client.callTool({ name: 'ask', arguments: {} }))
  assert.deepEqual(
    answer.structuredContent,
    { answer: { name: 'order-7' } },
    'it is asked where the call belongs',
  )
  await client.close()
  const found = await rows()
  const [round, last, sent] = found
  assert.deepEqual(
    found.map(gist),
    [round, last, sent].map((row) => ({ ...gist(row as AuditRow), code: 'TOOL_CALLED', target: 'ask' })),
  )
  assert.deepEqual([round?.call_ref, last?.call_ref], [sent?.call_ref, sent?.call_ref])
  assert.deepEqual([round?.caused_by, last?.caused_by], [sent?.id, sent?.id])
})

test('a caller that hangs up over HTTP leaves a failed call', async (t) => {
  const { agents, rows } = open(t)
  let waits = false
  const handler = createMcpHandler(() => {
    const server = createServer('v2', () => void (waits = true)) as McpServer
    instrumentMcpServer(server, { agents })
    return server
  })
  const client: Client = createClient('v2')
  instrumentMcpClient(client, { agents, records: true })
  const fetch = (to: URL | string, init?: RequestInit): Promise<Response> =>
    handler.fetch(new Request(to, init))
  await client.connect(new StreamableHTTPClientTransport(new URL('http://127.0.0.1/mcp'), { fetch }))
  const aborting = new AbortController()
  const waiting = client.callTool({ name: 'wait', arguments: {} }, { signal: aborting.signal })
  await until(() => waits)
  aborting.abort()
  await assert.rejects(waiting)
  await client.close()
  const told = (await rows()).map(({ code, detail }) => [code, detail['error_code']])
  assert.deepEqual(told.toSorted(), [
    ['TOOL_FAILED', 'cancelled'],
    ['TOOL_FAILED', 'disconnected'],
  ])
})

/** Call options stand third in the first SDK, behind a schema. */
function optionsOf(version: Version, given: object): [] {
  return (version === 'v1' ? [undefined, given] : [given]) as unknown as []
}
