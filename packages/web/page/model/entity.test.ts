// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AuditRow } from 'fasten/core'
import { daysOf, entityPath, kindsOf, questionsAbout, type EntityRow } from './entity.ts'

const rowAt = (timestamp: string): EntityRow =>
  ({ as: ['actor'], row: { timestamp } }) as unknown as EntityRow

test('rows are told by day, in the order in which they came', () => {
  const days = daysOf([
    rowAt('2026-11-26T01:00:00.000000Z'),
    rowAt('2026-11-26T00:00:00.000000Z'),
    rowAt('2026-11-25T23:59:59.999999Z'),
  ])
  assert.deepEqual(
    days.map(({ day, rows }) => [day, rows.length]),
    [
      ['2026-11-26', 2],
      ['2026-11-25', 1],
    ],
  )
})

test('an entity has one address, whether its name says its kind or not', () => {
  assert.equal(entityPath('user:ada', 'target'), '/entities/user/ada')
  assert.equal(entityPath('order/42', 'order'), '/entities/order/order%2F42')
  assert.equal(entityPath(':odd', 'user'), '/entities/user/%3Aodd')
})

test('whoever looked for it under another kind is told under which it is known', () => {
  const row = (about: object): AuditRow => about as AuditRow
  const rows = [
    row({ actor: 'c3', actor_kind: 'service', target: 'c3', target_kind: 'customer' }),
    row({ actor: 'c3', actor_kind: 'service', target: 'o-9' }),
    row({ actor: 'ada', actor_kind: 'user', target: 'c3' }),
  ]
  assert.deepEqual(kindsOf(rows, 'c3'), [
    { kind: 'service', rows: 2 },
    { kind: 'customer', rows: 1 },
    { kind: 'target', rows: 1 },
  ])
})

test('the questions about it are spelled as its rows spell it', () => {
  const did = { as: ['actor'], row: { actor: 'user:ada', target: 'x' } } as unknown as EntityRow
  const sealed = { as: ['target'], row: { target: { sealed: true } } } as unknown as EntityRow
  assert.deepEqual(
    questionsAbout([did, sealed]).map(({ text }) => text),
    ['actor:user:ada'],
  )
})
