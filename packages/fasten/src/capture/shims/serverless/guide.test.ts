// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../../fixtures/guide.ts'

describe('the guide to serverless functions', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('serverless')
  })
  after(() => guide.close())

  test('its function leaves two rows with one id', async () => {
    const { rows, status, stderr } = await guide.run('orders.ts')
    assert.deepEqual(
      [status, rows.map(({ event, path, request_id }) => [event ?? path, request_id])],
      [
        0,
        [
          ['looked_up', 'order-7'],
          ['/orders/7', 'order-7'],
        ],
      ],
      stderr,
    )
  })

  test('it compiles under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
