// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Args } from './command.ts'
import { targetOf } from './target.ts'

function args(values: Readonly<Record<string, string | number>>): Args {
  return {
    words: [],
    text: (name) => (typeof values[name] === 'string' ? values[name] : undefined),
    list: () => [],
    flag: () => false,
    count: (name) => (typeof values[name] === 'number' ? values[name] : undefined),
  }
}

test('a DSN, a path, a URL and nothing each mean what they look like', () => {
  assert.deepEqual(targetOf(args({}), {}), { kind: 'environment' })
  assert.deepEqual(targetOf(args({}), {}, './a b.db'), { kind: 'store', text: './a b.db' })
  assert.deepEqual(targetOf(args({ store: 'sqlite:////x.db?table=t' }), {}), {
    kind: 'store',
    text: 'sqlite:////x.db?table=t',
  })
  assert.deepEqual(targetOf(args({ store: 'https://host/logs/' }), {}), {
    kind: 'url',
    url: 'https://host/logs',
  })
  assert.deepEqual(targetOf(args({ url: 'HTTP://host/logs', timeout: 9 }), {}), {
    kind: 'url',
    url: 'http://host/logs',
    timeoutMs: 9000,
  })
})

test('the token comes from the option, else from the environment, and only a URL gets it', () => {
  const env = { FASTEN_READER_TOKEN: 'from-env' }
  assert.deepEqual(targetOf(args({ url: 'http://h' }), env), {
    kind: 'url',
    url: 'http://h',
    token: 'from-env',
  })
  assert.deepEqual(targetOf(args({ url: 'http://h', token: 'given' }), env), {
    kind: 'url',
    url: 'http://h',
    token: 'given',
  })
  assert.deepEqual(targetOf(args({}), env), { kind: 'environment' })
})

test('no password is repeated, whatever is wrong with the target', () => {
  const secrets: readonly (() => unknown)[] = [
    () => targetOf(args({ store: 'postgres://u:hunter2@h/db', url: 'http://h' }), {}),
    () => targetOf(args({ url: 'https://u:hunter2@host/logs' }), {}),
    () => targetOf(args({ url: 'postgres://u:hunter2@h/db' }), {}),
  ]
  for (const ask of secrets) {
    assert.throws(
      ask,
      (error: unknown) =>
        error instanceof Error && !JSON.stringify([error, error.message]).includes('hunter2'),
    )
  }
})
