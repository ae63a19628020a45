// SPDX-License-Identifier: Apache-2.0
import { assertTrusted, type TrustedCheckpoint } from './checkpoint.ts'
import type { Digest } from './digest.ts'
import { createMerkleTree, createNodeHash, type NodeHash } from './merkle.ts'

/**
 * True when `path` shows that the row with hash `leafHash` is row `index` of the log that `checkpoint` speaks of. Never throws for what
 * `path` and `leafHash` hold. Source: RFC 9162 section 2.1.3.2, spec/proofs.md#inclusion.
 */
export function isIncluded(
  proof: { readonly index: number; readonly leafHash: string; readonly path: readonly string[] },
  checkpoint: TrustedCheckpoint,
  digest: Digest,
): boolean {
  assertTrusted(checkpoint)
  return inclusionRoot({ ...proof, size: checkpoint.size }, createNodeHash(digest)) === checkpoint.root
}

/**
 * True when `path` shows that the newer log begins with the rows of the older one. Both must be of one log. A log is consistent with
 * itself by an empty path, and so is an empty one with any. Source: RFC 9162 section 2.1.4.2, spec/proofs.md#consistency.
 */
export function isConsistent(
  path: readonly string[],
  { older, newer }: { readonly older: TrustedCheckpoint; readonly newer: TrustedCheckpoint },
  digest: Digest,
): boolean {
  assertTrusted(older)
  assertTrusted(newer)
  if (older.origin !== newer.origin || older.size > newer.size || !path.every(isHash)) return false
  if (older.size === newer.size) return path.length === 0 && older.root === newer.root
  if (older.size === 0) return path.length === 0 && older.root === digest(new Uint8Array())
  const roots = consistencyRoots(path, older, newer.size, createNodeHash(digest))
  return roots?.older === older.root && roots.newer === newer.root
}

/** A complete subtree: the rows from `index * 2^level` up to, exclusive, `(index + 1) * 2^level`. */
export interface NodePlace {
  readonly level: number
  readonly index: number
}

/**
 * Which hashes a proof is made of: for each element of its path the complete subtrees, left to right, whose roots fold into it. At most about
 * 53 · 53 places, mostly some twenty: fetch them in one go, then `proofFrom`.
 */
export type ProofPlan = readonly (readonly NodePlace[])[]

/** The plan of the path from row `index` to the root of the first `size` rows. Throws a RangeError when the row is not among them. */
export function inclusionPlan(index: number, size: number): ProofPlan {
  assertCounts(index, size)
  if (index >= size) throw new RangeError(`row ${index} is not in a tree of ${size} rows`)
  const siblings: NodePlace[][] = []
  let [from, to] = [0, size]
  while (to - from > 1) {
    const middle = from + splitOf(to - from)
    if (index < middle) {
      siblings.push(subtreesOf(middle, to))
      to = middle
    } else {
      siblings.push(subtreesOf(from, middle))
      from = middle
    }
  }
  return siblings.reverse()
}

/** The plan of the path from the tree of the first `older` rows to that of the first `newer`. Throws a RangeError when `older` is larger. */
export function consistencyPlan(older: number, newer: number): ProofPlan {
  assertCounts(older, newer)
  if (older > newer)
    throw new RangeError(`a tree of ${older} rows cannot be the beginning of one of ${newer}`)
  if (older === 0 || older === newer) return []
  const siblings: NodePlace[][] = []
  let [from, to] = [0, newer]
  while (older !== to) {
    const middle = from + splitOf(to - from)
    if (older <= middle) {
      siblings.push(subtreesOf(middle, to))
      to = middle
    } else {
      siblings.push(subtreesOf(from, middle))
      from = middle
    }
  }
  // A verifier knows the older root already; only a part of it has to be said.
  if (from > 0) siblings.push(subtreesOf(from, to))
  return siblings.reverse()
}

/** The path of a plan. `nodeAt` answers the hash at a place of the plan. */
export function proofFrom(
  plan: ProofPlan,
  nodeAt: (place: NodePlace) => string,
  digest: Digest,
): readonly string[] {
  const join = createNodeHash(digest)
  return plan.map((places) => places.map(nodeAt).reduceRight((right, left) => join(left, right)))
}

/** Gathers the hashes of a plan while the hashes of all rows pass by in order; keeps nothing else. */
export interface NodeCollector {
  append(leafHash: string): void
  /** Throws a RangeError for a place that was not asked for, or whose rows have not all passed by. */
  nodeAt(place: NodePlace): string
  /** Of all rows that passed by. */
  root(): string
}

export function createNodeCollector(plan: ProofPlan, digest: Digest): NodeCollector {
  const nodes = new Map<string, string | undefined>(plan.flat().map((place) => [nameOf(place), undefined]))
  const tree = createMerkleTree(digest, {
    onNode(level, index, hash) {
      const name = nameOf({ level, index })
      if (nodes.has(name)) nodes.set(name, hash)
    },
  })
  return {
    append: tree.append,
    root: tree.root,
    nodeAt(place) {
      const hash = nodes.get(nameOf(place))
      if (hash === undefined) throw new RangeError(`the subtree ${nameOf(place)} is not known`)
      return hash
    },
  }
}

/**
 * The complete subtrees, left to right, that cover the rows from `from` up to, exclusive, `to`: the largest that fit. Between two
 * boundaries of one tree at most twice its height.
 */
export function subtreesOf(from: number, to: number): NodePlace[] {
  const places: NodePlace[] = []
  for (let at = from; at < to;) {
    let [level, width] = [0, 1]
    while (at % (width * 2) === 0 && at + width * 2 <= to) [level, width] = [level + 1, width * 2]
    places.push({ level, index: at / width })
    at += width
  }
  return places
}

/** The root that a path leads to, or undefined when it is no path for this index and size. */
export function inclusionRoot(
  proof: {
    readonly index: number
    readonly size: number
    readonly leafHash: string
    readonly path: readonly string[]
  },
  join: NodeHash,
): string | undefined {
  const { index, size, leafHash, path } = proof
  const isSound = Number.isSafeInteger(index) && index >= 0 && index < size
  if (!isSound || !isHash(leafHash) || !path.every(isHash)) return undefined
  let [at, last, root] = [index, size - 1, leafHash]
  for (const sibling of path) {
    if (last === 0) return undefined
    if (at % 2 === 1 || at === last) {
      root = join(sibling, root)
      // The right edge has no sibling on these levels.
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, half(last)]
    } else root = join(root, sibling)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 ? root : undefined
}

/** Both roots that a consistency path leads to, for 0 < older.size < newerSize. */
function consistencyRoots(
  path: readonly string[],
  older: { readonly size: number; readonly root: string },
  newerSize: number,
  join: NodeHash,
): { older: string; newer: string } | undefined {
  let [at, last] = [older.size - 1, newerSize - 1]
  while (at % 2 === 1) [at, last] = [half(at), half(last)]
  // When the older tree is one complete subtree its root is the first element, and is left out of the path.
  const [first, ...rest] = at === 0 ? [older.root, ...path] : path
  if (first === undefined || path.length === 0) return undefined
  let [olderRoot, newerRoot] = [first, first]
  for (const sibling of rest) {
    if (last === 0) return undefined
    if (at % 2 === 1 || at === last) {
      olderRoot = join(sibling, olderRoot)
      newerRoot = join(sibling, newerRoot)
      while (at % 2 === 0 && at > 0) [at, last] = [at / 2, half(last)]
    } else newerRoot = join(newerRoot, sibling)
    ;[at, last] = [half(at), half(last)]
  }
  return last === 0 ? { older: olderRoot, newer: newerRoot } : undefined
}

/** The largest power of two below `size`, which is at least 2. Numbers go beyond 32 bits, so no bit operators. */
function splitOf(size: number): number {
  let split = 1
  while (split * 2 < size) split *= 2
  return split
}

function assertCounts(...counts: readonly number[]): void {
  for (const count of counts)
    if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`${count} is no number of rows`)
}

const half = (count: number): number => Math.floor(count / 2)
const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)
const nameOf = ({ level, index }: NodePlace): string => `${level}/${index}`
