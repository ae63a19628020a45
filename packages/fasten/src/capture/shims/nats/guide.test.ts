// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startDebianServer } from '../../carriers/fixtures/debian-server.ts'
import { openGuide, type Guide } from '../../fixtures/guide.ts'

const { server, skip } = await startDebianServer('nats-server')

describe('the guide to message brokers', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('brokers')
  })
  after(async () => {
    await guide.close()
    await server?.remove()
  })

  test('its program leaves four rows with one id', { skip }, async () => {
    const { rows, status, stderr } = await guide.run('orders.ts', { args: [`127.0.0.1:${server?.port}`] })
    assert.deepEqual(
      [status, rows.map(({ event, method, request_id }) => [event ?? method, request_id])],
      [
        0,
        [
          ['order_cancelled', 'order-7'],
          ['DELIVER', 'order-7'],
          ['REQUEST', 'order-7'],
          ['answered', 'order-7'],
        ],
      ],
      stderr,
    )
  })

  test('it compiles under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
