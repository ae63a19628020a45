// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mutatePacks } from './evidence-mutation.ts'
import { withoutPython } from './python.ts'
import { root } from './setup/root.mjs'

test(
  'both verifiers say the same of every mutant of a pack, and none is believed',
  { skip: withoutPython.reason },
  async (t) => {
    const { tried, harmless } = await mutatePacks(withoutPython.command, 1999)
    t.diagnostic(
      `${tried} mutants of 10 packs, 0 believed; ${harmless} changed nothing that a verdict speaks of`,
    )
    assert.ok(tried > 250)
  },
)

test('both verifiers have the same words for every break and every note', () => {
  const wordsOf = (file: string, names: RegExp): string[] =>
    Array.from(readFileSync(join(root, file), 'utf8').matchAll(names), ([, table = '']) => table).flatMap(
      (table) =>
        Array.from(table.matchAll(/^ +'?(\w+)'?:\s*'(.*)',$/gm), ([, name, told]) => `${name}: ${told}`),
    )
  const ours = wordsOf('spec/verify.mjs', /^const \w+Told = \{\n(.*?)^\}/gms)
  assert.ok(ours.length > 30, 'the tables were found')
  assert.deepEqual(wordsOf('spec/verify.py', /^\w+_TOLD = \{\n(.*?)^\}/gms).sort(), ours.sort())
})
