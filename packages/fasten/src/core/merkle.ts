// SPDX-License-Identifier: Apache-2.0
import type { Digest } from './digest.ts'
import { writeHex } from './octets.ts'

/** The tree of RFC 6962 over the leaf hashes of a log, grown one row at a time. */
export interface MerkleTree {
  /** Takes the hash of the next row: 64 lower-case hex. */
  append(leafHash: string): void
  size(): number
  /** The root over all rows so far: 64 lower-case hex. Costs one hash per level of an incomplete tree. */
  root(): string
  /**
   * The roots of the complete subtrees, the largest first, one for each binary 1 of the size. With the size they are all that is needed
   * to go on later: at most 53 hashes.
   */
  frontier(): readonly string[]
}

export interface MerkleTreeOptions {
  /** Goes on from here, as if the rows before had been appended. Default: an empty tree. */
  readonly from?: { readonly size: number; readonly frontier: readonly string[] }
  /**
   * Told each complete subtree when its last row is appended, leaves (level 0) included: `hash` is the root over the rows
   * `index * 2^level` up to, exclusive, `(index + 1) * 2^level`.
   */
  readonly onNode?: (level: number, index: number, hash: string) => void
}

/**
 * A tree that keeps only the roots of its complete subtrees. An inner node is SHA-256(0x01 ‖ left ‖ right); the root of no rows is
 * SHA-256 of nothing. Throws a TypeError for a frontier that does not fit its size. Source: spec/chain.md#tree.
 */
export function createMerkleTree(digest: Digest, { from, onNode }: MerkleTreeOptions = {}): MerkleTree {
  // From the largest subtree to the smallest; their sizes are the binary digits of `size`.
  const complete: string[] = [...(from?.frontier ?? [])]
  const join = createNodeHash(digest)
  let size = from?.size ?? 0
  complete.forEach(assertHash)
  if (!Number.isSafeInteger(size) || size < 0 || complete.length !== onesOf(size))
    throw new TypeError(`a frontier of ${complete.length} hashes does not fit a tree of ${size} rows`)

  return {
    append(leafHash) {
      assertHash(leafHash)
      let subtree = leafHash
      let rest = size
      onNode?.(0, rest, subtree)
      for (let level = 1; rest % 2 === 1; level++) {
        subtree = join(complete.pop() ?? '', subtree)
        rest = (rest - 1) / 2
        onNode?.(level, rest, subtree)
      }
      complete.push(subtree)
      size++
    },
    size: () => size,
    root() {
      // The smallest subtree is the right-most one: fold from there.
      return size === 0 ? digest(new Uint8Array()) : complete.reduceRight((right, left) => join(left, right))
    },
    frontier: () => [...complete],
  }
}

/** SHA-256(0x01 ‖ left ‖ right) of hashes in lower-case hex. */
export type NodeHash = (left: string, right: string) => string

export function createNodeHash(digest: Digest): NodeHash {
  const node = new Uint8Array(65)
  node[0] = 1
  return (left, right) => {
    writeHex(node, 1, left)
    writeHex(node, 33, right)
    return digest(node)
  }
}

/** Throws a TypeError for anything but 64 lower-case hex. */
export function assertHash(hash: string): void {
  if (!/^[0-9a-f]{64}$/.test(hash)) throw new TypeError(`"${hash}" is no SHA-256 hash in lower-case hex`)
}

/** Binary ones, for numbers beyond 32 bits as well. */
function onesOf(size: number): number {
  let ones = 0
  for (let rest = size; rest > 0; rest = Math.floor(rest / 2)) ones += rest % 2
  return ones
}
