// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../../fixtures/guide.ts'

describe('the guide to gRPC', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('grpc')
  })
  after(() => guide.close())

  test('its program leaves three rows with one id', async () => {
    const { rows, status, stderr } = await guide.run('orders.ts')
    assert.deepEqual(
      [status, rows.map(({ event, path, request_id }) => [event ?? path, request_id])],
      [
        0,
        [
          ['order_cancelled', 'order-7'],
          ['/shop.Orders/Cancel', 'order-7'],
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
