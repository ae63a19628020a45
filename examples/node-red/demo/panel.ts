// SPDX-License-Identifier: Apache-2.0
import { withRequestID } from 'fasten'
import { publish } from 'fasten/mqtt'
import { connectAsync } from 'mqtt'
import type { Answer } from './visitors.ts'

/**
 * Somebody at a panel in the plant sets a tank by MQTT, under an id of the panel's, and waits until the tank says what it holds. The answer's
 * id is the one that came back: Node-RED has carried it from the one message to the other.
 */
export async function setAtPanel(
  port: number,
  order: {
    readonly tank: number
    readonly celsius: number
    readonly operator: string
    readonly reason: string
  },
  requestId: string,
): Promise<Answer> {
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`)
  try {
    const tank = `tank-${order.tank}`
    await client.subscribeAsync(`tank-farm/${tank}/state`, { qos: 1 })
    const state = new Promise<string>((resolve) => {
      client.once('message', (_topic, payload) => resolve(payload.toString()))
    })
    await withRequestID(requestId, () =>
      publish(client, `tank-farm/${tank}/setpoint`, { ...order, tank }, { qos: 1 }),
    )
    const body = await state
    const { _req = '' } = JSON.parse(body) as { readonly _req?: string }
    return { label: `${order.operator} writes a setpoint at the panel`, status: 200, request_id: _req, body }
  } finally {
    await client.endAsync()
  }
}
