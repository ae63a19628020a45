// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readAddress } from './address.ts'

const folder = mkdtempSync(join(tmpdir(), 'fasten-address-'))
after(() => rmSync(folder, { recursive: true }))
const root = join(folder, 'root.pem')
writeFileSync(root, 'PEM')

const secret = ['hunter', '2'].join('')
const first = (url: string) => readAddress(url).candidates[0] ?? {}

test('hosts and ports are taken apart as libpq does', () => {
  const placesOf = (url: string) => readAddress(url).candidates.map(({ host, port }) => [host, port])
  assert.deepEqual(placesOf('postgres://u@h1:5433,h2,[::1]:5434/db'), [
    ['h1', 5433],
    ['h2', undefined],
    ['::1', 5434],
  ])
  assert.deepEqual(placesOf('postgres:///db?host=a,b&port=1,2'), [
    ['a', 1],
    ['b', 2],
  ])
  assert.deepEqual(placesOf('postgres:///db?host=/run/postgresql'), [['/run/postgresql', undefined]])
  assert.deepEqual(placesOf('postgres://%2Frun%2Fpg/db'), [['/run/pg', undefined]])
  assert.deepEqual(placesOf('postgres:///db'), [[undefined, undefined]])
})

test('user, password and database are decoded, and a password that nobody encoded stands as it is', () => {
  const { user, password, database } = first('postgres://a%40b:p%2Fw%3Fd@h/my%20db')
  assert.deepEqual([user, password, database], ['a@b', 'p/w?d', 'my db'])
  assert.equal(first('postgres://u:50%off@h/db').password, '50%off')
  assert.equal(first('postgres://u:a:b@c@h/db').password, 'a:b@c')
  assert.equal('password' in first('postgres://u@h/db'), false)
})

test('sslmode means what it means in libpq', () => {
  const tlsOf = (query: string) => {
    const { ssl } = first(`postgres://db.example/x?${query}`)
    if (typeof ssl !== 'object') return ssl
    return [
      ssl.rejectUnauthorized,
      ssl.checkServerIdentity === undefined,
      ssl.ca ?? null,
      ssl.servername ?? null,
    ]
  }
  const name = 'db.example'
  assert.equal(tlsOf('sslmode=disable'), false)
  assert.deepEqual(tlsOf(''), [false, true, null, name])
  assert.deepEqual(tlsOf('sslmode=require'), [false, true, null, name])
  assert.deepEqual(tlsOf(`sslmode=require&sslrootcert=${root}`), [true, false, 'PEM', name])
  assert.deepEqual(tlsOf(`sslmode=verify-ca&sslrootcert=${root}`), [true, false, 'PEM', name])
  assert.deepEqual(tlsOf('sslmode=verify-full&sslrootcert=system'), [true, true, null, name])
  assert.deepEqual(
    ['', 'sslmode=allow', 'sslmode=require'].map(
      (query) => readAddress(`postgres://h/x?${query}`).mayBePlain,
    ),
    [true, true, false],
  )
  assert.equal(first('postgres:///x?host=/run/pg&sslmode=require').ssl, false)
})

test('what cannot be followed is refused rather than ignored, without the password', () => {
  const queries = [
    'sslmode=maybe',
    'sslmode=require&sslrootcert=system',
    'sslrootcert=/no/such/file',
    'sslcrl=/x',
    'require_auth=scram-sha-256',
    'gssencmode=require',
    'service=x',
    'target_session_attrs=master',
  ]
  for (const query of queries) {
    assert.throws(
      () => readAddress(`postgres://u:${secret}@h/db?${query}`),
      (error: Error & { code?: string }) =>
        error.code === 'DSN_PARAMETER' && !JSON.stringify([error.message, error]).includes(secret),
      query,
    )
  }
  assert.equal(readAddress('postgres://h/db?gssencmode=prefer').candidates.length, 1)
})
