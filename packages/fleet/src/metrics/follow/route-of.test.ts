// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { routeOf } from './route-of.ts'

const of = (route: string | null, path: string | null, status = 200) => routeOf({ route, path, status })

test('a route that matched is kept; a path shows nothing that may be an id or a name of somebody', () => {
  assert.deepEqual(
    [
      of('/users/:id', '/users/42'),
      of(null, '/users/42'),
      of('', '/v2/orders/6f1c2d3e-0000-4000-8000-1234567890ab/items'),
      of(null, '/files/report-2024.pdf'),
      of(null, '/by-mail/ada@example.org'),
      of(null, '/search/a%20b'),
      of(null, `/t/${'x'.repeat(33)}`),
      of(null, '/a/b/c/d/e/f/g/h/i/j'),
      of(null, 'devices.d-17.temperature'),
      of('/users/42', '/users/42'),
      of('/orders', '/orders'),
      of(null, '/wp-admin/setup.php', 404),
      of('/users/:id', '/users/42', 404),
      of(null, '/'),
      of(null, null),
    ],
    [
      '/users/:id',
      '/users/:id',
      '/v2/orders/:id/items',
      '/files/:id.pdf',
      '/by-mail/:id.org',
      '/search/:id',
      '/t/:id',
      '/a/b/c/d/e/f/g/h/*',
      'devices.:id.temperature',
      '/users/:id',
      '/orders',
      '(unmatched)',
      '/users/:id',
      '/',
      '',
    ],
  )
})

test('long routes are cut, between characters', () => {
  assert.equal(of(`/${'🚲'.repeat(200)}`, '/x').length, 200)
  assert.ok(of(`/x${'🚲'.repeat(200)}`, '/x').isWellFormed())
  assert.ok(of(`/${'🚲'.repeat(200)}`, '/x').isWellFormed())
})
