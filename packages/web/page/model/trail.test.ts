// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReaderRow } from 'fasten/reader/remote'
import { readTrailView, trailLines, trailSearch, writeTrailView } from './trail.ts'

let made = 0
const row = (code: string, actor: string, about: object = {}): ReaderRow =>
  ({
    stream: 'audit',
    id: `evt-${++made}`,
    code,
    actor,
    target: '',
    outcome: 'success',
    detail: {},
    ...about,
  }) as unknown as ReaderRow

test('readings of one person in a row are one line, changes and refusals never', () => {
  const lines = trailLines([
    row('ROWS_READ', 'user:ada', { target: 'listAudit' }),
    row('ROWS_READ', 'user:ada', { target: 'listAudit' }),
    row('ROWS_READ', 'user:ada', { target: 'listAudit', outcome: 'failure' }),
    row('ROWS_READ', 'user:bob', { target: 'listAudit' }),
    row('ROLE_GRANTED', 'user:bob', { target: 'user:eve', detail: { role: 'admin' } }),
    row('ROLE_GRANTED', 'user:bob', { target: 'user:eve', detail: { role: 'admin' } }),
    row('API_KEY_CREATED', 'user:bob', { target: 'k_1', detail: { name: 'ci' } }),
    row('SOMETHING_NEW', 'user:bob', { target: 'x', detail: { role: 7 } }),
  ])
  assert.deepEqual(
    lines.map(({ who, did, to, others }) => [who, did, to, others.length]),
    [
      ['user:ada', 'read audit rows', '', 1],
      ['user:ada', 'read audit rows', '', 0],
      ['user:bob', 'read audit rows', '', 0],
      ['user:bob', 'granted admin to', 'user:eve', 0],
      ['user:bob', 'granted admin to', 'user:eve', 0],
      ['user:bob', 'made the key', 'ci k_1', 0],
      ['user:bob', 'something new', 'x', 0],
    ],
  )
})

test('a view stands in the address as it was, and asks for the fleet alone', () => {
  const view = { since: '-1d', until: null, who: 'user:ada', kind: 'access', selected: 'evt-1' } as const
  assert.deepEqual(readTrailView(writeTrailView(view)), view)
  assert.equal(writeTrailView(readTrailView('?kind=nonsense')), '')
  assert.equal(
    String(trailSearch(view)),
    'domain=fleet&since=-1d&limit=200&total=none&actor=user%3Aada&category=access',
  )
})
