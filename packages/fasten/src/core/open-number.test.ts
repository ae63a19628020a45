// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSampleDrafts } from '../testing/sample-drafts.ts'
import { draftText } from './leaf.ts'
import { bootOfOpenNumber, fillNumber, hasOpenNumber, openNumber } from './open-number.ts'
import type { Clean } from './row.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const textOf = (filled: Uint8Array): string => new TextDecoder().decode(filled)

for (const [name, members] of Object.entries({
  'an ordinary draft': {},
  'one whose actor plays the member': { actor: '","boot_seq":7,"x":"' },
  'one whose detail has the member': { detail: { boot_seq: 4, inner: { boot_seq: 5 } } },
  'one with letters of several bytes before it': { actor: 'Zoë 🚲 \u0001' },
}))
  test(`${name} has its number opened and filled, and nothing else`, () => {
    const draft = createSampleDrafts().audit(members)
    const text = draftText(draft as Clean)
    const open = bytes(openNumber(text))
    assert.deepEqual([hasOpenNumber(open), hasOpenNumber(bytes(text))], [true, false])
    assert.equal(bootOfOpenNumber(open), draft.boot_id)
    assert.equal(textOf(fillNumber(open, draft.boot_seq)), text)
    const numbered = JSON.parse(
      textOf(fillNumber(open, 9_007_199_254_740_991)).replaceAll('\0', ''),
    ) as object
    assert.deepEqual(numbered, { ...draft, boot_seq: 9_007_199_254_740_991 })
  })

test('bytes that are no such draft name no process', () => {
  for (const text of ['', '\u0001', '"boot_seq":\u0001', '{"boot_id":"xyz","boot_seq":\u0001}'])
    assert.equal(bootOfOpenNumber(bytes(text)), undefined)
})
