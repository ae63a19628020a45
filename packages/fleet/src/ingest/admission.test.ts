// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createAdmission } from './admission.ts'

const idle = async (): Promise<string> => 'taken'

test('so many bodies are taken at once, so many of one node, and a place is free again when one is done', async () => {
  const admission = createAdmission(() => 0, { runningMax: 3, runningPerNodeMax: 2 })
  const ends: (() => void)[] = []
  const hold = (node: string): Promise<void> =>
    admission.admit(node, () => new Promise<void>((resolve) => ends.push(resolve)))
  const running = [hold('a'), hold('a')]
  assert.equal(admission.pauseMs(), undefined)
  await assert.rejects(admission.admit('a', idle), { status: 429, retryAfterS: 1 })
  running.push(hold('b'))
  assert.equal(admission.pauseMs(), 500)
  await assert.rejects(admission.admit('c', idle), { status: 503, code: 'FLEET_BUSY', retryAfterS: 2 })
  ends.pop()?.()
  await running.pop()
  assert.equal(await admission.admit('c', idle), 'taken')
  // One that fails gives its place back as well.
  await assert.rejects(
    admission.admit('c', () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  assert.equal(await admission.admit('c', idle), 'taken')
})

test('a node has so many requests a second, which come back with time, and other nodes have their own', async () => {
  let nowMs = 0
  const admission = createAdmission(() => nowMs, { ratePerNode: 2 })
  for (let index = 0; index < 6; index++) admission.pace('a')
  assert.throws(() => admission.pace('a'), { status: 429, retryAfterS: 1 })
  admission.pace('b')
  nowMs += 500
  admission.pace('a')
  assert.throws(() => admission.pace('a'), { status: 429 })
  // A clock that is put back gives nothing and takes nothing.
  nowMs -= 10_000
  assert.throws(() => admission.pace('a'), { status: 429 })
})
