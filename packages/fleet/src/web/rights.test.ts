// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { permissionsOf, type Role } from './principal.ts'
import { covers, permissionsIn, reachOf, withinLimits, type Rights } from './rights.ts'

const right = (
  role: Role,
  tenants: readonly string[] | 'all',
  codes?: readonly string[],
): Rights[number] => ({
  permissions: new Set(permissionsOf[role]),
  tenants,
  ...(codes === undefined ? {} : { codes }),
})

test('rights over different tenants never add up to more than each', () => {
  const rights = [right('viewer', ['a']), right('admin', ['b'])]
  assert.deepEqual(reachOf(rights, 'audit:read'), { tenants: ['a', 'b'] })
  assert.deepEqual(reachOf(rights, 'access:manage'), { tenants: ['b'] })
  assert.ok(!permissionsIn(rights, { tenants: ['a', 'b'] }).has('audit:export'))
  assert.ok(permissionsIn(rights, { tenants: ['b'] }).has('audit:export'))
  assert.equal(reachOf(rights, 'ingest:push'), undefined)
})

test('a right that names codes is one to read and export rows, and nothing else', () => {
  const rights = [right('admin', 'all', ['LOGIN_*'])]
  assert.deepEqual(reachOf(rights, 'audit:read'), { tenants: 'all', codes: ['LOGIN_*'] })
  assert.equal(reachOf(rights, 'access:manage'), undefined)
  assert.equal(reachOf(rights, 'sql:run'), undefined)
  assert.equal(reachOf(rights, 'audit:verify'), undefined)
  assert.deepEqual(reachOf([...rights, right('viewer', ['a'])], 'audit:read'), { tenants: ['a'] })
  const apart = [
    right('viewer', ['a'], ['X_*']),
    right('viewer', ['b'], ['Y_*']),
    right('viewer', ['a'], ['Z']),
  ]
  assert.deepEqual(reachOf(apart, 'audit:read'), { tenants: ['a'], codes: ['X_*', 'Z'] })
})

test('what covers what', () => {
  const of = (tenants: readonly string[] | 'all', codes?: readonly string[]) =>
    right('viewer', tenants, codes)
  assert.ok(covers(of('all'), of(['a'], ['X'])))
  assert.ok(covers(of(['a', 'b'], ['X_*']), of(['a'], ['X_1', 'X_2*'])))
  assert.ok(!covers(of(['a']), of('all')))
  assert.ok(!covers(of('all', ['X_*']), of('all')))
  assert.ok(!covers(of('all', ['X_*']), of('all', ['X*'])))
  assert.ok(!covers(of('all', ['X_1']), of('all', ['X_1*'])))
})

test('a key is bound by what its user holds at the moment', () => {
  const key = right('viewer', 'all', ['LOGIN_*', 'KEY_MADE'])
  const bound = withinLimits(key, [right('viewer', ['a'], ['LOGIN_FAILED', 'KEY_*'])])
  assert.deepEqual(reachOf(bound, 'audit:read'), { tenants: ['a'], codes: ['KEY_MADE', 'LOGIN_FAILED'] })
  assert.deepEqual(withinLimits(key, []), [])
  assert.deepEqual(withinLimits(right('viewer', ['a']), [right('admin', ['b'])]), [])
})
