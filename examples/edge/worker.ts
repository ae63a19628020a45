// SPDX-License-Identifier: Apache-2.0
// The worker: writes each change into the plant's journal, and tries again when the journal does not answer.
import fasten from 'fasten'
import { instrumentFetch } from 'fasten/http/outbound'
import { instrumentMqtt } from 'fasten/mqtt'
import { instrumentPgBoss } from 'fasten/queue/pg-boss'
import mqtt from 'mqtt'
import { PgBoss } from 'pg-boss'

interface Change {
  readonly tank: string
  readonly celsius: number
  readonly by?: string
}

const journal = new URL(process.env['JOURNAL_URL'] ?? 'http://127.0.0.1:3002')
fasten.init({ service_id: 'worker' })
instrumentMqtt(mqtt, { records: true })
instrumentFetch({ hosts: journal.host }) // the journal, and nobody else, is told the id
// Work for a request keeps its id here. Without this each attempt has an id of its own, and names the request.
instrumentPgBoss(PgBoss, { keepsRequestId: true })

const broker = await mqtt.connectAsync(process.env['BROKER_URL'] ?? 'mqtt://127.0.0.1:1883')
const jobs = new PgBoss(process.env['DATABASE_URL'] ?? 'postgres://127.0.0.1/plant')
jobs.on('error', (error) => fasten.log.error('queue_unwell', { err: error }))
await jobs.start()
await jobs.createQueue('journal', { retryLimit: 5, retryDelay: 1 })
await jobs.work<Change>('journal', { pollingIntervalSeconds: 0.5 }, async ([job]) => {
  if (job === undefined) return
  const { tank, celsius } = job.data
  const headers = { 'content-type': 'application/json' }
  const answer = await fetch(new URL('/entries', journal), {
    method: 'POST',
    headers,
    body: JSON.stringify(job.data),
  })
  if (!answer.ok) throw new Error(`the journal answered ${answer.status}`)
  const { entry } = (await answer.json()) as { entry: number }
  fasten.log.info('journal_written', { tank, entry })
  await broker.publishAsync(`tank/${tank}/recorded`, JSON.stringify({ celsius, entry }), { qos: 1 })
})
console.log('worker waits for jobs')
