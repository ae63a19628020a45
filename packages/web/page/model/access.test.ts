// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permissionsOf } from '../../../fleet/src/web/principal.ts'
import {
  areasOf,
  browserWords,
  keysInOrder,
  permissionWords,
  roles,
  scopeIn,
  scopeWords,
  standingOfKey,
  wordsIn,
  type KeyFacts,
} from './access.ts'

const nowMicros = Date.UTC(2026, 10, 27) * 1000

test('a key is good, about to end, over or revoked, and those that open something come first', () => {
  const key = (key_id: string, expires_at: string, revoked_at: string | null = null): KeyFacts => ({
    key_id,
    name: key_id,
    permissions: [],
    tenants: 'all',
    created_by: 'user:ada',
    created_at: `2026-11-0${key_id}T00:00:00Z`,
    expires_at,
    last_used_at: null,
    revoked_at,
  })
  const keys = [
    key('4', '2026-11-26T23:59:59Z'),
    key('1', '2027-02-01T00:00:00Z'),
    key('3', '2027-02-01T00:00:00Z', '2026-11-20T00:00:00Z'),
    key('2', '2026-12-01T00:00:00Z'),
  ]
  assert.deepEqual(
    keysInOrder(keys, nowMicros).map((each) => [each.key_id, standingOfKey(each, nowMicros)]),
    [
      ['2', 'soon'],
      ['1', 'good'],
      ['4', 'expired'],
      ['3', 'revoked'],
    ],
  )
})

test('lists are typed with commas or spaces, and all is all', () => {
  assert.deepEqual(wordsIn(' acme, b  acme '), ['acme', 'b'])
  assert.equal(wordsIn(' , '), undefined)
  assert.equal(scopeIn('all'), 'all')
  assert.deepEqual(scopeIn('all acme'), ['all', 'acme'])
  assert.equal(scopeWords(['acme', '_']), 'acme, rows without a tenant')
})

test('a browser is named as people name it', () => {
  const agents = [
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36',
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/143.0.0.0 Safari/537.36 Edg/143.0.0.0',
    'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
    'curl/8.5.0',
  ]
  assert.deepEqual(agents.map(browserWords), [
    'Chrome on Linux',
    'Edge on Windows',
    'Safari on iPhone',
    'curl/8.5.0',
  ])
})

test('permissions are told by the role that may exactly them, as the server has it, and area by area', () => {
  for (const role of roles) assert.equal(permissionWords(permissionsOf[role]), role)
  assert.equal(permissionWords(['audit:read']), 'audit:read')
  assert.equal(permissionWords(['audit:read', 'sql:run']), '2 permissions')
  assert.deepEqual(areasOf(['audit:read', 'sql:run', 'audit:export']), [
    ['audit', ['read', 'export']],
    ['sql', ['run']],
  ])
})
