// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { describeCarrier } from '../../testing/carrier-contract.ts'
import { runWithContext } from '../context.ts'
import { carry } from './carrier.ts'
import { createHeaderCarrier } from './header-carrier.ts'

interface Letter {
  readonly headers: Readonly<Record<string, unknown>>
  readonly body: Uint8Array
}

/** A transport that nobody has heard of, in ten lines. */
const letters = createHeaderCarrier<Letter>({
  name: 'letters',
  method: 'letters',
  get: ({ headers }, name) => (Object.hasOwn(headers, name) ? headers[name] : undefined),
  set: ({ headers, body }, name, value) => ({ headers: { ...headers, [name]: value }, body }),
})

describeCarrier('a transport of your own', async () => ({
  carrier: letters,
  message: (payload) => ({ headers: {}, body: Buffer.from(payload as string) }),
  payloadOf: ({ body }) => body,
  interleaved: 20_000,
}))

test('a tracestate never goes beside a traceparent that is not its own', () => {
  const theirs = { headers: { traceparent: 'theirs' }, body: new Uint8Array() }
  const context = {
    request_id: 'r',
    trace_id: 'a'.repeat(32),
    span_id: 'b'.repeat(16),
    tracestate: 'ours=1',
  }
  const { headers } = runWithContext(context, () => carry(letters, theirs))
  assert.deepEqual(headers, { traceparent: 'theirs', 'x-request-id': 'r' })
})
