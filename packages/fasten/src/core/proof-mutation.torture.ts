// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { mutateTreeProofs, mutationLine } from './fixtures/proof-mutations.ts'

it('every mutation of every proof among logs of up to 40 rows is refused', (t) => {
  const report = mutateTreeProofs(40)
  t.diagnostic(mutationLine(report))
  assert.deepEqual(report.accepted, [])
})
