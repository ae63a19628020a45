// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../../fixtures/guide.ts'

describe('the guide to threads and processes', { timeout: 120_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('processes')
  })
  after(() => guide.close())

  test('its pool logs under one id on both sides', async () => {
    const { rows, status, stderr } = await guide.run('pool.ts')
    const seen = rows.map(({ event, request_id }) => [event, request_id])
    assert.deepEqual(
      [status, seen],
      [
        0,
        [
          ['resizing', 'order-7'],
          ['resized', 'order-7'],
        ],
      ],
      stderr,
    )
  })

  test('its program is framed by two rows of its id', async () => {
    const { rows, status, stderr } = await guide.run('report.ts')
    const events = ['program_started', 'counted', 'program_ended']
    assert.deepEqual([status, rows.map(({ event }) => event)], [0, events], stderr)
    assert.equal(new Set(rows.map(({ request_id }) => request_id)).size, 1)
  })

  test('they compile under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
