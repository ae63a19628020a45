// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { daysOf, entityPath, type EntityRow } from './entity.ts'

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
