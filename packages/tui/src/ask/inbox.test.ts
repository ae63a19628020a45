// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createInbox } from './inbox.ts'

test('a tail that is faster than the screen waits, and nothing is lost or doubled', async () => {
  const inbox = createInbox<number>(100, () => {})
  let put = 0
  const writer = (async () => {
    for (; put < 1000; put++) await inbox.put(put)
  })()
  const taken: number[] = []
  while (taken.length < 1000) {
    // Everything that can happen without somebody taking has happened.
    await new Promise(setImmediate)
    const items = inbox.takeAll()
    assert.ok(items.length <= 100)
    taken.push(...items)
  }
  await writer
  assert.deepEqual(
    taken,
    Array.from({ length: 1000 }, (_, index) => index),
  )
})
