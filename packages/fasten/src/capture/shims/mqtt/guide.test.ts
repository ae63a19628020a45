// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../../fixtures/guide.ts'

describe('the guide to MQTT', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('mqtt')
  })
  after(() => guide.close())

  test('its plant leaves what the guide says', async () => {
    const { rows, status, stderr } = await guide.run('plant.ts')
    const told = rows.map(({ shape, event, method, path, request_id }) =>
      shape === 'api' ? [method, path, request_id] : [event, request_id],
    )
    assert.deepEqual(
      [status, told.toSorted()],
      [
        0,
        [
          ['DELIVER', 'line/4/setpoint', 'order-7'],
          ['PUBLISH', 'line/4/setpoint', 'order-7'],
          ['setpoint_sent', 'order-7'],
          ['setpoint_taken', 'order-7'],
        ],
      ],
      stderr,
    )
  })

  test('its programs compile under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
