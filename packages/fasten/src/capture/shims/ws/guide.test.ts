// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../../fixtures/guide.ts'

describe('the guide to sockets', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('sockets')
  })
  after(() => guide.close())

  test('its server hears the connection and the message under their own ids', async () => {
    const { rows, status, stderr } = await guide.run('prices.ts')
    assert.deepEqual(
      [status, rows.map(({ event, request_id }) => [event, request_id])],
      [
        0,
        [
          ['connected', 'visit-1'],
          ['price_set', 'order-7'],
        ],
      ],
      stderr,
    )
  })

  test('the programs compile under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
