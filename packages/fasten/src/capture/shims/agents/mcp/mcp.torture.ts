// SPDX-License-Identifier: Apache-2.0
/**
 * 20,000 calls of a tool by as many requests, over one connection of each kind: each runs for its own request, is caused by its own row, and says so
 * after it has waited.
 */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { StreamableHTTPClientTransport as HttpV2, type Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js'
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as ServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import type { AuditRow } from '../../../../core/row.ts'
import { openForReading } from '../../../../store/open.ts'
import { currentContext, runWithContext } from '../../../context.ts'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents, type Agents } from '../agents.ts'
import { createClient, versions, type Version } from './fixtures/peers.ts'
import { addWander, wandering, type Wandered } from './fixtures/wander.ts'
import { instrumentMcpClient, instrumentMcpServer } from './mcp.ts'

const calls = 20_000
/** What one connection, or one process's sockets, can take at the same time. */
const together = { stdio: 2_000, http: 200 } as const
/** The SDKs give a call up after a minute, which two hundred of them need on a crowded machine. */
const patient = { timeout: 600_000 }
const info = { name: 'wandering', version: '1.0.0' }

for (const version of versions)
  for (const [how, open] of [
    ['stdio', overStdio],
    ['http', overHttp],
  ] as const)
    describe(`SDK ${version} over ${how}`, () => {
      test(`${calls} calls, and none crosses`, { timeout: 1_800_000 }, async (t) => {
        const place = bench(t)
        const fasten = place.start({ durability: 'tick' })
        const agents = createAgents({ fasten })
        const client = createClient(version)
        instrumentMcpClient(client, { agents, records: true })
        const begun = performance.now()
        const finish = await open(t, version, { client, agents, dsn: place.dsn })
        let [next, inTheAir, most, crossed] = [0, 0, 0, 0]
        const seen: Wandered[] = []
        const one = async (n: number): Promise<void> => {
          most = Math.max(most, ++inTheAir)
          const context = currentContext()
          const answer = await callWander(version, client, n)
          if (currentContext() !== context) crossed++
          inTheAir--
          seen.push(answer.structuredContent as Wandered)
        }
        const caller = async (): Promise<void> => {
          for (let n = next++; n < calls; n = next++)
            await runWithContext({ request_id: `order-${n}` }, () => one(n))
        }
        await Promise.all(Array.from({ length: together[how] }, caller))
        await finish()
        await client.close()
        await fasten.close(600_000)

        const store = await openForReading(place.path)
        t.after(() => store.close())
        const found = await store.scan({ stream: 'audit', order: 'stored', limit: 4 * calls })
        const rows = found
          .map(({ row }) => row as AuditRow)
          .filter(({ code, target }) => code === 'TOOL_CALLED' && target === 'wander')
        const rowOf = new Map(rows.map((row) => [row.id, row]))
        const wrong = seen.filter(({ n, request_id, caused_by, stayed }) => {
          const served = rowOf.get(caused_by ?? '')
          const sent = rowOf.get(served?.caused_by ?? '')
          const isOne = served?.call_ref === sent?.call_ref && sent?.call_ref !== undefined
          const isOurs = [request_id, served?.request_id, sent?.request_id].every((id) => id === `order-${n}`)
          return !stayed || !isOne || !isOurs
        })
        const distinct = (values: readonly unknown[]): number => new Set(values).size
        assert.deepEqual(
          {
            crossed,
            wrong: wrong.length,
            calls: distinct(seen.map(({ n }) => n)),
            causes: distinct(seen.map(({ caused_by }) => caused_by)),
            refs: distinct(rows.map(({ call_ref }) => call_ref)),
            rows: rows.length,
          },
          { crossed: 0, wrong: 0, calls, causes: calls, refs: calls, rows: 2 * calls },
        )
        const seconds = Math.round((performance.now() - begun) / 1000)
        const atWork = how === 'http' ? `, up to ${wandering.most} at work in the server` : ''
        t.diagnostic(
          `MCP over ${how}, SDK ${version}: ${calls} calls of as many requests, up to ${most} in the air${atWork}, none crossed, ${seconds} s`,
        )
      })
    })

/** One call; the first SDK takes a schema of the answer before the options. */
async function callWander(
  version: Version,
  client: Client,
  n: number,
): Promise<{ readonly structuredContent?: unknown }> {
  const params = { name: 'wander', arguments: { n } }
  if (version === 'v2') return client.callTool(params, patient)
  return client.callTool(params, ...([undefined, patient] as unknown as [typeof patient]))
}

interface Peer {
  readonly client: Client
  readonly agents: Agents
  readonly dsn: string
}

/** A server in a process of its own, with its own instance on the same database. */
async function overStdio(
  _t: TestContext,
  version: Version,
  { client, dsn }: Peer,
): Promise<() => Promise<unknown>> {
  const place = fileURLToPath(new URL('./fixtures/wander-server.ts', import.meta.url))
  const options = {
    command: process.execPath,
    args: ['--conditions=fasten-source', place, version],
    env: { ...(process.env as Record<string, string>), FASTEN_AUDIT_DSN: dsn },
    stderr: 'inherit' as const,
  }
  await client.connect(version === 'v1' ? new StdioV1(options) : new StdioClientTransport(options))
  return async () => {
    const { structuredContent } = await client.callTool({ name: 'settle', arguments: {} })
    assert.deepEqual(structuredContent, { settled: true })
  }
}

/** A server in this process, behind a real HTTP server, with an MCP server for each session (SDK 1) or each request (SDK 2). */
async function overHttp(
  t: TestContext,
  version: Version,
  { client, agents }: Peer,
): Promise<() => Promise<unknown>> {
  wandering.most = 0
  const http = createHttpServer(await handlerOf(version, agents))
  // A socket that the server gives up while the client writes to it again is a failed request on a crowded machine.
  http.keepAliveTimeout = 0
  await once(http.listen(0, '127.0.0.1'), 'listening')
  t.after(() => {
    http.closeAllConnections()
    http.close()
  })
  const url = new URL(`http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`)
  await client.connect(version === 'v1' ? new HttpV1(url) : new HttpV2(url))
  return async () => {}
}

async function handlerOf(
  version: Version,
  agents: Agents,
): Promise<(request: IncomingMessage, response: ServerResponse) => void> {
  if (version === 'v1') {
    const server = new ServerV1(info)
    instrumentMcpServer(server, { agents })
    addWander(server)
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: () => 'session-1' })
    await server.connect(transport)
    return (request, response) => void transport.handleRequest(request, response)
  }
  const handle = toNodeHandler(
    createMcpHandler(() => {
      const server = new McpServer(info)
      instrumentMcpServer(server, { agents })
      addWander(server)
      return server
    }),
  )
  return (request, response) => void handle(request as never, response)
}
