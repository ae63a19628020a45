// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from '../core/canonical.ts'
import { FastenError } from '../core/error.ts'
import { createMerkleTree } from '../core/merkle.ts'
import { encodeEntries, encodeTile, tileWidth, type Tile } from '../core/tiles.ts'
import { sha256 } from '../store/platform.ts'
import type { RowSource } from '../store/ports.ts'

/**
 * The bytes of one tile of a log as it is stored now. A tile of level `n` reads the hashes of `width * 256^n` rows; whoever offers it to
 * others checks before that the tile lies within a size that was signed. Throws FastenError `PROOF_IMPOSSIBLE` when rows of it are missing.
 */
export async function logTile(source: RowSource, log: string, tile: Tile): Promise<Uint8Array> {
  const { level, index, width } = tile
  const first = index * tileWidth
  if (level === 'entries') {
    const hashes = await hashesOf(source, log, first, first + width)
    return encodeEntries(await entryLeaves(source, log, first, hashes))
  }
  const rows = tileWidth ** level
  const end = (first + width) * rows
  const nodes: string[] = []
  let tree = createMerkleTree(sha256)
  for (let at = first * rows; at < end;) {
    const page = await pageOf(source, log, at, end)
    at += page.length
    for (const hash of page) {
      tree.append(hash)
      if (tree.size() < rows) continue
      nodes.push(tree.root())
      tree = createMerkleTree(sha256)
    }
  }
  return encodeTile(nodes)
}

async function hashesOf(source: RowSource, log: string, from: number, to: number): Promise<string[]> {
  const hashes: string[] = []
  while (from + hashes.length < to) hashes.push(...(await pageOf(source, log, from + hashes.length, to)))
  return hashes
}

/** As many hashes as the store gives at once, at least one. */
async function pageOf(source: RowSource, log: string, from: number, to: number): Promise<readonly string[]> {
  const page = (await source.leafHashes?.(log, from, to)) ?? []
  if (page.length > 0) return page
  throw new FastenError('PROOF_IMPOSSIBLE', `row ${from} is missing`, { at: log, hint: 'run fasten verify' })
}

/** The leaves of a bundle. One that has expired is told by its hash, which no entry hashes to: the tile of hashes is the truth. */
export async function entryLeaves(
  source: RowSource,
  log: string,
  first: number,
  hashes: readonly string[],
): Promise<readonly Uint8Array[]> {
  const found = new Map<number, Uint8Array>()
  for await (const { monotonic_seq, leaf } of source.evidence(log, first, first + hashes.length - 1)) {
    if (monotonic_seq >= first + hashes.length) break
    if (leaf !== null) found.set(monotonic_seq, leaf)
  }
  return hashes.map(
    (leaf_hash, at) =>
      found.get(first + at) ?? new TextEncoder().encode(canonicalize({ expired: true, leaf_hash })),
  )
}
