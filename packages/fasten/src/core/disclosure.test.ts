// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { commitmentOf, disclosureText, jsonPointer, pointerParts, readDisclosure } from './disclosure.ts'
import { readJson } from './read-json.ts'
import type { JsonValue } from './row.ts'

const sha256 = (bytes: Uint8Array): string => hash('sha256', bytes, 'hex')

test('text and commitment are those that Python and Node agreed on', () => {
  const text = disclosureText('AAAAAAAAAAAAAAAAAAAAAA', 'email', 'ann@example.org')
  assert.equal(text, 'WyJBQUFBQUFBQUFBQUFBQUFBQUFBQUFBIiwiZW1haWwiLCJhbm5AZXhhbXBsZS5vcmciXQ')
  assert.equal(commitmentOf(text, sha256), 'bIV-s9DKn6KESBKBsTLwyxJLyXstyBSpLrwRUKzn_EM')
})

test('what is disclosed is read back, and its commitment is the digest of the text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.jsonValue(), (name, value) => {
      const text = disclosureText('c2FsdA', name, value as JsonValue)
      assert.equal(commitmentOf(text, sha256), hash('sha256', text, 'base64url'))
      const again = readJson(JSON.stringify({ salt: 'c2FsdA', name, value }))
      assert.deepEqual(readDisclosure(text), again)
    }),
  )
})

test('what is no disclosure is none, whatever it is', () => {
  for (const text of ['', '%', 'AAAA', 'WyJhIiwiYiJd', 'bnVsbA', 'WzEsMiwzXQ'])
    assert.equal(readDisclosure(text), undefined, text)
})

test('pointers escape and unescape', () => {
  assert.equal(jsonPointer(['detail', 'a/b', 0, 'c~d']), '/detail/a~1b/0/c~0d')
  assert.deepEqual(pointerParts('/detail/a~1b/0/c~0d'), ['detail', 'a/b', '0', 'c~d'])
})
