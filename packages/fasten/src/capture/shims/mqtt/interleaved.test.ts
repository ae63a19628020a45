// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MqttClient } from 'mqtt'
import { currentRequestID as id, runWithContext } from '../../context.ts'
import { connected, listen, startAedes, turn } from './fixtures/brokers.ts'
import { instrumentMqtt } from './instrument.ts'

test(
  '20,000 messages in the air, each answered by another one, keep their ids apart',
  { timeout: 120_000 },
  async (t) => {
    const broker = await startAedes()
    t.after(() => broker.close())
    const client = async (): Promise<MqttClient> => {
      const made = await connected(broker.url)
      t.after(() => made.endAsync(true))
      instrumentMqtt(made)
      return made
    }
    const [asking, answering] = await Promise.all([client(), client()])
    const count = 20_000
    let crossed = 0
    let answers = 0
    listen(answering, async (_topic, payload) => {
      const { _req, index } = JSON.parse(payload.toString()) as { _req: string; index: number }
      if (index % 3 === 0) await turn()
      if (id() !== _req || _req !== `r-${index}`) crossed++
      answering.publish('answer', JSON.stringify({ index }))
    })
    const finished = new Promise<void>((resolve) =>
      listen(asking, async (_topic, payload) => {
        const { index } = JSON.parse(payload.toString()) as { index: number }
        await turn()
        if (id() !== `r-${index}`) crossed++
        if (++answers === count) resolve()
      }),
    )
    await Promise.all([answering.subscribeAsync('ask'), asking.subscribeAsync('answer')])
    for (let index = 0; index < count; index++) {
      runWithContext({ request_id: `r-${index}` }, () =>
        asking.publish('ask', JSON.stringify({ index }), () => {
          if (id() !== `r-${index}`) crossed++
        }),
      )
      if (index % 500 === 0) await turn()
    }
    await finished
    assert.equal(crossed, 0)
  },
)
