// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { openGuide, type Guide } from '../fixtures/guide.ts'

describe('the guide to a transport of your own', { timeout: 600_000 }, () => {
  let guide: Guide
  before(async () => {
    guide = await openGuide('your-transport')
  })
  after(() => guide.close())

  test('its letters carry the id', async () => {
    const { rows, status, stderr } = await guide.run('post.ts')
    assert.deepEqual(
      [status, rows.map(({ event, request_id, fields }) => [event, request_id, fields])],
      [0, [['letter_read', 'order-7', { body: 'hello' }]]],
      stderr,
    )
  })

  test('they pass the contract as a stranger runs it', async () => {
    const { status, stdout } = await guide.run('letters.test.ts', { flags: ['--test'] })
    assert.equal(status, 0, stdout)
    assert.match(stdout, /pass 9\n/)
  })

  test('the programs compile under the compiler options of this repository', async () => {
    assert.deepEqual(await guide.complaints(), [])
  })
})
