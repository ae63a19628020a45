// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { personalSignOf, signIn, soundsPersonal } from './personal-signs.ts'

test('names that sound personal are told from those that only resemble them', () => {
  for (const name of [
    'email',
    'customerEmail',
    'first_name',
    'birthDate',
    'shipping_address',
    'ip_address',
    'IBAN',
  ])
    assert.ok(soundsPersonal(name), name)
  for (const name of ['emailed', 'streetlight_id', 'name', 'user_id', 'zipped', 'firstName2x'])
    assert.ok(!soundsPersonal(name), name)
})

test('values are told by their shape as a whole', () => {
  assert.equal(personalSignOf('ann@example.org'), 'email')
  assert.equal(personalSignOf('+49 30 1234567'), 'phone')
  assert.equal(personalSignOf('(030) 123-4567'), 'phone')
  assert.equal(personalSignOf('DE89 3704 0044 0532 0130 00'), 'iban')
  for (const text of [
    'ann',
    'order 42 of ann@example',
    '20261126123000',
    '2026-11-26',
    'evt-01ARZ3NDEKTSV4RRFFQ69G5FAV',
  ])
    assert.equal(personalSignOf(text), undefined, text)
})

test('the member that holds it is named', () => {
  assert.deepEqual(signIn({ n: 1, items: [{ to: 'ann@example.org' }] }), {
    member: 'detail.items.to',
    sign: 'email',
  })
  assert.equal(signIn({ n: 1, note: 'sent' }), undefined)
})
