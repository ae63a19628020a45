// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as grpc from '@grpc/grpc-js'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { openLetters } from './fixtures/letters.ts'
import { crossings } from './fixtures/orders.ts'
import { instrumentGrpc } from './instrument.ts'

describeCarrier('gRPC, with 20,000 calls in the air', async () => ({
  ...(await openLetters()),
  interleaved: 20_000,
}))

test('20,000 interleaved calls, and none sees the id of another', { timeout: 600_000 }, async (t) => {
  t.after(instrumentGrpc(grpc))
  assert.equal(await crossings(t, 20_000), 0)
})
