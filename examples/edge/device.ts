// SPDX-License-Identifier: Apache-2.0
// The device: does what messages say, tells the others of it, and lets agents look at its tanks over MCP.
import { join } from 'node:path'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import express from 'express'
import fasten, { extendContext } from 'fasten'
import { instrumentMcpServer } from 'fasten/agents/mcp'
import { expressShim } from 'fasten/http/express'
import { handler, instrumentMqtt } from 'fasten/mqtt'
import mqtt from 'mqtt'
import { z } from 'zod'

fasten.init({ service_id: 'device', codes: [join(import.meta.dirname, 'plant.codes.yaml')] })
// Only processes of ours can publish to this broker, so the ids of their scheduled runs are believed.
instrumentMqtt(mqtt, { records: true, trustsSentinels: true })
instrumentMcpServer(McpServer) // tools run under the id of whoever calls them, and each call leaves a row

const order = z.object({
  celsius: z.number(),
  hold_s: z.number().optional(),
  reason: z.string().optional(),
  by: z.string().optional(),
})
const tanks = new Map<string, number>()
const read = (tank: string): number => tanks.get(tank) ?? 20

const broker = await mqtt.connectAsync(process.env['BROKER_URL'] ?? 'mqtt://127.0.0.1:1883')
broker.on(
  'message',
  handler('tank/+/setpoint', (message, { topic }) => {
    const [, tank = ''] = topic.split('/')
    const { celsius, hold_s, reason, by } = order.parse(message)
    const before = read(tank)
    tanks.set(tank, celsius)
    const { id } = fasten.emit({
      code: 'SETPOINT_CHANGED',
      target: `tank-${tank}`,
      actor: 'device',
      actor_kind: 'service',
      ...(by === undefined ? {} : { on_behalf_of: by }),
      ...(reason === undefined ? {} : { reason }),
      detail: { before, after: celsius, unit: 'celsius' },
    })
    // The request id travels by itself. Which row caused what comes next is ours to say: MQTT 3.1.1 has no room for it.
    extendContext({ caused_by: id }, () =>
      broker.publish(`tank/${tank}/state`, JSON.stringify({ celsius, hold_s, row: id }), { qos: 1 }),
    )
  }),
)
await broker.subscribeAsync('tank/+/setpoint', { qos: 1 })

const tools = createMcpHandler(() => {
  const server = new McpServer({ name: 'tanks', version: '1.0.0' })
  const description = 'how warm a tank is meant to be, in degrees Celsius'
  server.registerTool(
    'read_tank',
    { description, inputSchema: z.object({ tank: z.string() }) },
    ({ tank }) => {
      fasten.log.info('tank_read', { tank, celsius: read(tank) })
      return { content: [{ type: 'text', text: JSON.stringify({ tank, celsius: read(tank) }) }] }
    },
  )
  return server
})

const app = express()
app.use(expressShim())
app.post('/mcp', express.text({ type: 'application/json' }), async (req, res) => {
  const headers = { 'content-type': 'application/json', accept: req.get('accept') ?? '' }
  const sent = { method: 'POST', headers: { ...headers, ...protocolOf(req) }, body: req.body as string }
  const answer = await tools.fetch(new Request('http://127.0.0.1/mcp', sent))
  res
    .status(answer.status)
    .set(Object.fromEntries(answer.headers))
    .send(await answer.text())
})
const server = app.listen(Number(process.env['PORT'] ?? 3001), '127.0.0.1', () => {
  const address = server.address()
  console.log(`device listens on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
})

/** Headers of MCP. */
function protocolOf(req: express.Request): Record<string, string> {
  return Object.fromEntries(
    Object.entries(req.headers).filter(
      (entry): entry is [string, string] => entry[0].startsWith('mcp-') && typeof entry[1] === 'string',
    ),
  )
}
