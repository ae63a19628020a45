// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../../../fixtures/guide.ts'

describe('the guide to MCP', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('mcp')
  })
  after(() => guide.close())

  test('its call leaves what the guide says', async () => {
    const { rows, status, stderr } = await guide.run('orders.ts')
    assert.deepEqual(
      [status, rows.map(({ shape, event, code, request_id }) => [shape, event ?? code, request_id])],
      [
        0,
        [
          ['sys', 'order_cancelled', 'order-7'],
          ['audit', 'TOOL_CALLED', 'order-7'],
        ],
      ],
      stderr,
    )
  })

  test('the program compiles under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
