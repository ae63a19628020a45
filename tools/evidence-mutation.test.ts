// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mutatePacks } from './evidence-mutation.ts'
import { withoutPython } from './python.ts'

test(
  'both verifiers say the same of every mutant of a pack, and none is believed',
  { skip: withoutPython.reason },
  async (t) => {
    const { tried, harmless } = await mutatePacks(withoutPython.command, 997)
    t.diagnostic(
      `${tried} mutants of 10 packs, 0 believed; ${harmless} changed nothing that a verdict speaks of`,
    )
    assert.ok(tried > 250)
  },
)
