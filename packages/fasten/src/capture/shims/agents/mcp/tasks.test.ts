// SPDX-License-Identifier: Apache-2.0
/** Tasks are an experiment of SDK 1. SDK 2 (2.4) knows how they look on the wire, and has nothing that makes or runs one. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InMemoryTransport } from '@modelcontextprotocol/sdk/inMemory.js'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import * as z from 'zod'
import { currentContext, runWithContext } from '../../../context.ts'
import { bench } from '../../../fixtures/instance.ts'
import { createAgents } from '../agents.ts'
import { instrumentMcpClient, instrumentMcpServer } from './mcp.ts'

test('a call that becomes a task: its work and its result belong to the request that made it', async (t) => {
  const place = bench(t)
  const fasten = place.start({ strict: true })
  const agents = createAgents({ fasten })
  const tasks = new InMemoryTaskStore()
  t.after(() => tasks.cleanup())
  const server = new McpServer(
    { name: 'slow', version: '1.0.0' },
    { capabilities: { tasks: { requests: { tools: { call: {} } } } }, taskStore: tasks },
  )
  instrumentMcpServer(server, { agents })
  const seen: (readonly [string, string | undefined, string | undefined])[] = []
  const look = (where: string): void => {
    const { request_id, caused_by } = currentContext() ?? {}
    seen.push([where, request_id, caused_by])
  }
  server.experimental.tasks.registerToolTask(
    'add',
    { execution: { taskSupport: 'required' }, inputSchema: { n: z.number() } },
    {
      async createTask({ n }, { taskStore }) {
        const made = await taskStore.createTask({ ttl: 60_000, pollInterval: 10 })
        look('made')
        setTimeout(() => {
          look('worked')
          const result = { content: [{ type: 'text' as const, text: String(n + 1) }] }
          void taskStore.storeTaskResult(made.taskId, 'completed', result)
        }, 5)
        return { task: made }
      },
      getTask: async (_, { taskId, taskStore }) => taskStore.getTask(taskId),
      getTaskResult: async (_, { taskId, taskStore }) => (await taskStore.getTaskResult(taskId)) as never,
    },
  )
  const client = new Client({ name: 'desk', version: '1.0.0' })
  instrumentMcpClient(client, { agents, records: true })
  const [here, there] = InMemoryTransport.createLinkedPair()
  await Promise.all([server.connect(there), client.connect(here)])
  await client.listTools()
  const result = await runWithContext({ request_id: 'order-7' }, async () => {
    for await (const message of client.experimental.tasks.callToolStream({
      name: 'add',
      arguments: { n: 6 },
    })) {
      if (message.type === 'taskStatus') continue
      look(message.type)
      if (message.type === 'result') return message.result.content
    }
    return undefined
  })
  assert.deepEqual(result, [{ type: 'text', text: '7' }])
  await client.close()
  await fasten.close()
  const [served, sent, ...more] = await place.auditRows()
  assert.deepEqual(seen, [
    ['made', 'order-7', served?.id],
    ['taskCreated', 'order-7', undefined],
    ['worked', 'order-7', served?.id],
    ['result', 'order-7', undefined],
  ])
  // The call is told when the task is made; what it comes to leaves no row of its own.
  assert.deepEqual(
    [served, sent].map((row) => [row?.code, row?.target, row?.request_id, row?.caused_by]),
    [
      ['TOOL_CALLED', 'add', 'order-7', sent?.id],
      ['TOOL_CALLED', 'add', 'order-7', undefined],
    ],
  )
  assert.deepEqual([served?.call_ref, more], [sent?.call_ref, []])
})
