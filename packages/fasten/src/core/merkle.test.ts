// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { digest } from './fixtures/rows.ts'
import { createMerkleTree } from './merkle.ts'

const sha = (...parts: Uint8Array[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest()

/** The definition of RFC 6962 section 2.1, word for word recursive. */
function rootByDefinition(hashes: readonly Buffer[]): Buffer {
  if (hashes.length <= 1) return hashes[0] ?? sha()
  let split = 1
  while (split * 2 < hashes.length) split *= 2
  return sha(Buffer.of(1), rootByDefinition(hashes.slice(0, split)), rootByDefinition(hashes.slice(split)))
}

describe('merkle tree', () => {
  it('has at every size the root that the definition gives', () => {
    const tree = createMerkleTree(digest)
    const hashes: Buffer[] = []
    assert.equal(tree.root(), 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    for (let index = 0; index < 70; index++) {
      const leaf = sha(Buffer.of(0, index))
      hashes.push(leaf)
      tree.append(leaf.toString('hex'))
      assert.equal(tree.size(), index + 1)
      assert.equal(tree.root(), rootByDefinition(hashes).toString('hex'))
    }
  })

  it('refuses what is no hash', () => {
    assert.throws(() => createMerkleTree(digest).append('AB'.repeat(32)), TypeError)
  })
})
