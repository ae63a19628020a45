// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { mutationWorld } from './fixtures/proof-mutations.ts'
import { digest } from './fixtures/rows.ts'
import { createMerkleTree, createNodeHash } from './merkle.ts'
import {
  consistencyPlan,
  inclusionPlan,
  inclusionRoot,
  isConsistent,
  isIncluded,
  proofFrom,
  subtreesOf,
  type NodePlace,
} from './tree-proof.ts'

describe('tree proofs', () => {
  const { hashes, checkpoints, prove } = mutationWorld(67)
  const at = (size: number) => checkpoints[size] ?? assert.fail()

  it('every row of every log is proven, and every log continues every shorter one', () => {
    for (const size of [1, 2, 3, 4, 7, 8, 9, 31, 32, 33, 64, 67]) {
      for (let index = 0; index < size; index++) {
        const proof = { index, leafHash: hashes[index] ?? '', path: prove(inclusionPlan(index, size)) }
        assert.ok(isIncluded(proof, at(size), digest), `${index} of ${size}`)
      }
      for (let older = 0; older <= size; older++) {
        const path = prove(consistencyPlan(older, size))
        assert.ok(isConsistent(path, { older: at(older), newer: at(size) }, digest), `${older} to ${size}`)
      }
    }
  })

  it('refuses indices and sizes that are none, and logs that shrink', () => {
    assert.throws(() => inclusionPlan(3, 3), RangeError)
    assert.throws(() => inclusionPlan(0.5, 3), RangeError)
    assert.throws(() => consistencyPlan(4, 3), RangeError)
    assert.equal(isConsistent([], { older: at(4), newer: at(3) }, digest), false)
    assert.equal(isIncluded({ index: 0, leafHash: 'x', path: [] }, at(1), digest), false)
  })

  it('holds for logs far beyond 32 bits', () => {
    // All rows alike: then one hash for each level is the whole tree.
    const join = createNodeHash(digest)
    const levels = [digest(Uint8Array.of(0))]
    for (let level = 0; level < 54; level++) levels.push(join(levels[level] ?? '', levels[level] ?? ''))
    const nodeAt = ({ level }: NodePlace): string => levels[level] ?? ''
    const rootOf = (size: number): string =>
      subtreesOf(0, size)
        .map(nodeAt)
        .reduceRight((right, left) => join(left, right))
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 53 - 2 }),
        fc.integer({ min: 0, max: 2 ** 53 - 2 }),
        (a, b) => {
          const [index, size] = a < b ? [a, b] : [b, a + 1]
          const path = proofFrom(inclusionPlan(index, size), nodeAt, digest)
          assert.equal(
            inclusionRoot({ index, size, leafHash: nodeAt({ level: 0, index }), path }, join),
            rootOf(size),
          )
        },
      ),
      { numRuns: 50 },
    )
  })

  it('a tree goes on from its frontier as if it had never stopped, and tells every subtree once', () => {
    const whole = createMerkleTree(digest)
    const seen: string[] = []
    let resumed = createMerkleTree(digest)
    for (const hash of hashes) {
      const from = { size: resumed.size(), frontier: resumed.frontier() }
      resumed = createMerkleTree(digest, {
        from,
        onNode: (level, index) => void seen.push(`${level}/${index}`),
      })
      resumed.append(hash)
      whole.append(hash)
      assert.equal(resumed.root(), whole.root())
    }
    assert.equal(new Set(seen).size, seen.length)
    // 67 leaves, and of each level as many subtrees as are complete.
    assert.equal(seen.length, 67 + 33 + 16 + 8 + 4 + 2 + 1)
    assert.throws(
      () => createMerkleTree(digest, { from: { size: 3, frontier: [hashes[0] ?? ''] } }),
      TypeError,
    )
  })
})
