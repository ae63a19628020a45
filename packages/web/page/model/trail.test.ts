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
  const lines = trailLines(
    [
      row('ROWS_READ', 'user:ada', { target: 'listAudit' }),
      row('ROWS_READ', 'user:ada', { target: 'listAudit' }),
      row('ROWS_READ', 'user:ada', { target: 'listAudit', outcome: 'failure' }),
      row('ROWS_READ', 'user:bob', { target: 'listAudit' }),
      row('ROLE_GRANTED', 'user:bob', { target: 'user:eve', detail: { role: 'admin' } }),
      row('ROLE_GRANTED', 'user:bob', { target: 'user:eve', detail: { role: 'admin' } }),
      row('API_KEY_CREATED', 'user:bob', { target: 'k_1', detail: { name: 'ci' } }),
      row('SOMETHING_NEW', 'user:bob', { target: 'x', detail: { role: 7 } }),
    ],
    new Map(),
  )
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
  assert.match(String(trailSearch({ ...view, kind: null })), /&not=code%3ACHECKPOINT_ACCEPTED$/)
  assert.doesNotMatch(String(trailSearch({ ...view, kind: 'all' })), /not=|category=/)
  assert.equal(readTrailView('?kind=all').kind, 'all')
})

test('whoever did it has the name that people know, and what nodes hand in one after another is one line', () => {
  const handIn = (node: string, stream: string) =>
    row('CHECKPOINT_ACCEPTED', `node:${node}0`, { target: `acme/web/${node}/${stream}` })
  const lines = trailLines(
    [
      handIn('web-01', 'audit'),
      handIn('pay-02', 'api'),
      handIn('web-01', 'sys'),
      row('ROWS_READ', 'api_key:k_1', { target: 'listAudit' }),
      handIn('web-01', 'audit'),
      handIn('web-01', 'sys'),
      row('ROWS_READ', 'api_key:k_2', { target: 'listAudit' }),
      handIn('web-01', 'audit'),
      row('LOGIN_SUCCEEDED', 'user:ada'),
      row('FLEET_STARTED', 'system:fleet'),
    ],
    new Map([['k_1', 'nightly']]),
  )
  assert.deepEqual(
    lines.map(({ who, name, to, others }) => [who, name, to, others.length]),
    [
      [null, '2 nodes', '3 times', 2],
      ['api_key:k_1', 'key nightly', '', 0],
      ['node:web-010', 'web-01', '2 times', 1],
      ['api_key:k_2', 'key k_2', '', 0],
      ['node:web-010', 'web-01', 'acme/web/web-01/audit', 0],
      ['user:ada', 'ada', '', 0],
      ['system:fleet', 'system:fleet', '', 0],
    ],
  )
})
