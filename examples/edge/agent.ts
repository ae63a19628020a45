// SPDX-License-Identifier: Apache-2.0
// The agent: when a change is in the journal, it goes and reads the tank with a tool of the device.
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { generateText, isStepCount, tool, wrapLanguageModel } from 'ai'
import fasten from 'fasten'
import { agent } from 'fasten/agents'
import { instrumentTools, modelMiddleware } from 'fasten/agents/ai-sdk'
import { instrumentMcpClient } from 'fasten/agents/mcp'
import { instrumentFetch } from 'fasten/http/outbound'
import { handler, instrumentMqtt } from 'fasten/mqtt'
import mqtt from 'mqtt'
import { z } from 'zod'
import { scriptedModel } from './demo/scripted-model.ts'

const url = new URL('/mcp', process.env['DEVICE_URL'] ?? 'http://127.0.0.1:3001')
fasten.init({ service_id: 'agent' })
instrumentMqtt(mqtt, { records: true })
instrumentFetch({ hosts: url.host })

const device = new Client({ name: 'inspector', version: '1.0.0' })
instrumentMcpClient(device) // what it calls there runs under the id of the work here
await device.connect(new StreamableHTTPClientTransport(url))

// Any model of the AI SDK does; this one plays a script, so that the example needs no key.
const model = wrapLanguageModel({ model: scriptedModel(), middleware: modelMiddleware() })
const tools = instrumentTools({
  read_tank: tool({
    description: 'how warm a tank is meant to be',
    inputSchema: z.object({ tank: z.string() }),
    execute: async ({ tank }) => (await device.callTool({ name: 'read_tank', arguments: { tank } })).content,
  }),
})

const broker = await mqtt.connectAsync(process.env['BROKER_URL'] ?? 'mqtt://127.0.0.1:1883')
const inspect = handler('tank/+/recorded', async (entry, { topic }) => {
  const [, tank = ''] = topic.split('/')
  const prompt = `The journal says of tank ${tank}: ${JSON.stringify(entry)}. Go and look.`
  const { text } = await agent('inspector', { on_behalf_of: 'shift-lead' }, () =>
    generateText({ model, tools, prompt, stopWhen: isStepCount(3) }),
  )
  fasten.log.info('tank_inspected', { tank, text })
})
broker.on('message', (topic, payload, packet) => {
  inspect(topic, payload, packet)?.catch((error: unknown) =>
    fasten.log.error('inspection_failed', { err: error }),
  )
})
await broker.subscribeAsync('tank/+/recorded', { qos: 1 })
console.log('agent listens to the journal')
