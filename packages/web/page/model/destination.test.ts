// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReaderRow } from 'fasten/reader/remote'
import { citationOf } from './citation.ts'
import { destinationsOf, matching, withRecent } from './destination.ts'
import { actionOf, keyTable } from './keys.ts'

test('a citation leads to its row, an id to what it names, and anything else is a question', () => {
  const row = {
    log: 'acme/shop/n1/audit',
    monotonic_seq: 7,
    hash: 'ab',
    id: 'evt-01JZ5T8Q3M',
    timestamp: 't',
  }
  const paths = (text: string) => destinationsOf(text).map(({ path }) => path)
  assert.deepEqual(
    paths(citationOf(row as unknown as ReaderRow))[0],
    '/investigate?q=id%3Aevt-01JZ5T8Q3M&since=-30d&row=evt-01JZ5T8Q3M',
  )
  assert.equal(paths('a1b2c3d4e5f6')[0], '/requests/a1b2c3d4e5f6')
  assert.equal(paths('user:u-42')[0], '/entities/user/u-42')
  assert.deepEqual(paths('lamp shop'), ['/investigate?q=lamp+shop&since=-1d'])
  assert.deepEqual(paths('  '), [])
})

test('a choice is found by all of its words, and a question is recent once', () => {
  assert.deepEqual(matching([{ name: 'Show what failed' }, { name: 'Rates' }], 'FAIL show'), [
    { name: 'Show what failed' },
  ])
  assert.deepEqual(withRecent(['a', 'b', 'c'], 'b', 2), ['b', 'a'])
  assert.deepEqual(withRecent(['a'], ' '), ['a'])
})

test('a key has one meaning in a place, and none with a modifier that was not asked for', () => {
  for (const [scope, actions] of Object.entries(keyTable)) {
    const keys = actions.flatMap((each) => [...each.keys])
    assert.equal(new Set(keys).size, keys.length, scope)
  }
  const press = (key: string, held: { ctrlKey?: boolean; altKey?: boolean } = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    ...held,
  })
  assert.equal(actionOf('Panes', press('j')), 'down')
  assert.equal(actionOf('Panes', press('j', { ctrlKey: true })), undefined)
  assert.equal(actionOf('Anywhere', press('k', { ctrlKey: true })), 'palette')
  assert.equal(actionOf('Anywhere', press('?', { altKey: true })), undefined)
})
