// SPDX-License-Identifier: Apache-2.0
// The way in: an HTTP request becomes an MQTT message to the device, and a job for whoever keeps the journal.
import { join } from 'node:path'
import express, { type Request } from 'express'
import fasten from 'fasten'
import { expressShim } from 'fasten/http/express'
import { instrumentMqtt } from 'fasten/mqtt'
import { instrumentPgBoss } from 'fasten/queue/pg-boss'
import mqtt from 'mqtt'
import { PgBoss } from 'pg-boss'

// Where rows go stands in FASTEN_AUDIT_DSN, FASTEN_API_DSN and FASTEN_SYS_DSN, where this is in FASTEN_NODE_ID.
fasten.init({ service_id: 'gateway', codes: [join(import.meta.dirname, 'plant.codes.yaml')] })
instrumentMqtt(mqtt, { records: true }) // messages carry the id, and each leaves a row
instrumentPgBoss(PgBoss) // jobs carry it, too

const broker = await mqtt.connectAsync(process.env['BROKER_URL'] ?? 'mqtt://127.0.0.1:1883')
const jobs = new PgBoss(process.env['DATABASE_URL'] ?? 'postgres://127.0.0.1/plant')
jobs.on('error', (error) => fasten.log.error('queue_unwell', { err: error }))
await jobs.start()
await jobs.createQueue('journal', { retryLimit: 5, retryDelay: 1 })

const app = express()
app.use(expressShim({ actor: operatorOf })) // a request id, a context, and one api row for each request
app.post('/tanks/:tank/setpoint', express.json(), async (req, res) => {
  const { tank } = req.params
  const { celsius, hold_s, reason } = req.body as { celsius: unknown; hold_s: unknown; reason: unknown }
  if (typeof celsius !== 'number' || typeof hold_s !== 'number') {
    res.status(400).json({ error: 'say celsius and hold_s, both numbers' })
    return
  }
  const order = { celsius, hold_s, reason, by: operatorOf(req) }
  await broker.publishAsync(`tank/${tank}/setpoint`, JSON.stringify(order), { qos: 1 })
  await jobs.send('journal', { tank, ...order })
  res.status(202).json({ tank, celsius })
})

const server = app.listen(Number(process.env['PORT'] ?? 3000), '127.0.0.1', () => {
  const address = server.address()
  console.log(`gateway listens on http://127.0.0.1:${typeof address === 'object' ? address?.port : address}`)
})

/** Stands for your authentication. */
function operatorOf(req: Request): string | undefined {
  return req.get('x-operator')
}
