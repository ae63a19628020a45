// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'

/** The tree of RFC 6962 over the leaf hashes of a log, grown one row at a time. */
export interface MerkleTree {
  /** Takes the hash of the next row: 64 lower-case hex. */
  append(leafHash: string): void
  size(): number
  /** The root over all rows so far: 64 lower-case hex. Costs one hash per level of an incomplete tree. */
  root(): string
}

/**
 * A tree that keeps only the roots of its complete subtrees: one hash per binary digit of its size.
 * An inner node is SHA-256(0x01 ‖ left ‖ right); the root of no rows is SHA-256 of nothing. Source: spec/chain.md#tree.
 */
export function createMerkleTree(digest: Digest): MerkleTree {
  // From the largest subtree to the smallest; their sizes are the binary digits of `size`.
  const complete: string[] = []
  const node = new Uint8Array(65)
  node[0] = 1
  let size = 0

  function join(left: string, right: string): string {
    writeHex(node, 1, left)
    writeHex(node, 33, right)
    return digest(node)
  }

  return {
    append(leafHash) {
      if (!/^[0-9a-f]{64}$/.test(leafHash))
        throw new TypeError(`"${leafHash}" is no SHA-256 hash in lower-case hex`)
      let subtree = leafHash
      for (let rest = size; rest % 2 === 1; rest = (rest - 1) / 2)
        subtree = join(complete.pop() ?? '', subtree)
      complete.push(subtree)
      size++
    },
    size: () => size,
    root() {
      // The smallest subtree is the right-most one: fold from there.
      return size === 0 ? digest(new Uint8Array()) : complete.reduceRight((right, left) => join(left, right))
    },
  }
}

function writeHex(bytes: Uint8Array, at: number, hex: string): void {
  for (let index = 0; index < 32; index++)
    bytes[at + index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16)
}
