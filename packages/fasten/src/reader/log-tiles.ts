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
  const nodes: string[] = []
  for (let at = first; at < first + width; at++)
    nodes.push(await rootOf(source, log, at * rows, (at + 1) * rows))
  return encodeTile(nodes)
}

async function rootOf(source: RowSource, log: string, from: number, to: number): Promise<string> {
  const tree = createMerkleTree(sha256)
  for (const hash of await hashesOf(source, log, from, to)) tree.append(hash)
  return tree.root()
}

async function hashesOf(source: RowSource, log: string, from: number, to: number): Promise<string[]> {
  const hashes: string[] = []
  while (from + hashes.length < to) {
    const more = (await source.leafHashes?.(log, from + hashes.length, to)) ?? []
    if (more.length === 0)
      throw new FastenError('PROOF_IMPOSSIBLE', `row ${from + hashes.length} is missing`, {
        at: log,
        hint: 'run fasten verify',
      })
    hashes.push(...more)
  }
  return hashes
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
