// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TrustedCheckpoint } from './checkpoint.ts'
import { mutateNotes, mutateTreeProofs, mutationLine, mutationWorld } from './fixtures/proof-mutations.ts'
import { digest } from './fixtures/rows.ts'
import { createNodeHash } from './merkle.ts'
import { inclusionPlan, inclusionRoot } from './tree-proof.ts'

describe('mutations', () => {
  it('of inclusion and consistency proofs are all refused', (t) => {
    const report = mutateTreeProofs(9)
    t.diagnostic(mutationLine(report))
    assert.deepEqual(report.accepted, [])
  })

  it('of checkpoints, cosignatures, tlog-proofs, requests to a witness, and keys are all refused', (t) => {
    const report = mutateNotes()
    t.diagnostic(mutationLine(report))
    assert.deepEqual(report.accepted, [])
  })

  it('of the size would be believed, were it taken from a proof: that is why it is not', () => {
    const { hashes, checkpoints, prove } = mutationWorld(20)
    const believed: string[] = []
    for (let size = 2; size <= 20; size++)
      for (let index = 0; index < size; index++)
        for (const claimed of [size - 1, size + 1]) {
          const proof = { index, size: claimed, leafHash: hashes[index] as string }
          const root = inclusionRoot(
            { ...proof, path: prove(inclusionPlan(index, size)) },
            createNodeHash(digest),
          )
          if (root === (checkpoints[size] as TrustedCheckpoint).root)
            believed.push(`${index} of ${size} as of ${claimed}`)
        }
    assert.notEqual(believed.length, 0)
  })
})
