// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHonestFleet } from '../store/ship/fixtures/honest-fleet.ts'
import { openGuide } from './fixtures/guide.ts'

test('the guide to a node of a fleet: two variables, and its program’s rows are there', async (t) => {
  const fleet = await startHonestFleet()
  t.after(() => fleet.close())
  const guide = await openGuide('fleet-node')
  t.after(() => guide.close())
  assert.deepEqual([guide.programs, await guide.complaints()], [['service.ts'], []])
  const { status, stdout, stderr } = await guide.run('service.ts', {
    env: { FASTEN_FLEET_URL: fleet.url, FASTEN_FLEET_TOKEN: fleet.token() },
  })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^\{"took_all":true,"last_error":null\}$/m)
  const codes = [...fleet.logs.values()].flatMap(({ lines }) =>
    lines.map((line) => JSON.parse(line) as { readonly code?: string; readonly event?: string }),
  )
  assert.ok(codes.some(({ code }) => code === 'ORDER_PAID'))
  assert.ok(codes.some(({ event }) => event === 'checkout_started'))
})
