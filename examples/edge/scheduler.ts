// SPDX-License-Identifier: Apache-2.0
// The scheduler: every second it looks for setpoints whose time is up, and takes them back.
import { join } from 'node:path'
import { Cron } from 'croner'
import fasten, { extendContext } from 'fasten'
import { handler, instrumentMqtt } from 'fasten/mqtt'
import { instrumentCroner } from 'fasten/scheduler'
import mqtt from 'mqtt'
import { z } from 'zod'

fasten.init({ service_id: 'scheduler', codes: [join(import.meta.dirname, 'plant.codes.yaml')] })
instrumentMqtt(mqtt, { records: true, trustsSentinels: true })
instrumentCroner(Cron) // every run has an id of its own, and rows for its beginning and its end

const state = z.object({ celsius: z.number(), hold_s: z.number().optional(), row: z.string() })
/** Tanks that hold a setpoint for a while: until when, and the row of the change. */
const lent = new Map<string, { readonly until: number; readonly row: string }>()

const broker = await mqtt.connectAsync(process.env['BROKER_URL'] ?? 'mqtt://127.0.0.1:1883')
broker.on(
  'message',
  handler('tank/+/state', (message, { topic }) => {
    const [, tank = ''] = topic.split('/')
    const { celsius, hold_s, row } = state.parse(message)
    if (hold_s === undefined) return
    lent.set(tank, { until: Date.now() + hold_s * 1000, row })
    fasten.log.info('setpoint_lent', { tank, celsius, hold_s })
  }),
)
await broker.subscribeAsync('tank/+/state', { qos: 1 })

const sweep = new Cron('* * * * * *', { name: 'sweep', protect: true }, async () => {
  for (const [tank, { until, row }] of lent) {
    if (Date.now() < until) continue
    lent.delete(tank)
    // The run belongs to no request; that this row names the change is what makes it part of the story.
    const { id } = fasten.emit({
      code: 'SETPOINT_EXPIRED',
      target: `tank-${tank}`,
      actor: 'sweep',
      actor_kind: 'scheduler',
      caused_by: row,
    })
    const order = { celsius: 20, reason: 'its time is up' }
    await extendContext({ caused_by: id }, () =>
      broker.publishAsync(`tank/${tank}/setpoint`, JSON.stringify(order), { qos: 1 }),
    )
  }
})
console.log(`scheduler sweeps next at ${sweep.nextRun()?.toISOString()}`)
