// SPDX-License-Identifier: Apache-2.0
import { FastenError } from './error.ts'
import { bytesOfHex, hexOf } from './octets.ts'
import type { NodePlace } from './tree-proof.ts'

/** Hashes in a full tile, entries in a full bundle. */
export const tileWidth = 256
/** Levels of the tree that one level of tiles spans: 2^8 hashes below one. */
const tileHeight = 8

/** A tile of a log's tree: `width` hashes, 1 to 256, of which hash `i` is the tree's node `(8 · level, 256 · index + i)`. */
export interface Tile {
  /** Or `entries`, whose tiles hold leaves instead of hashes. */
  readonly level: number | 'entries'
  readonly index: number
  /** Below 256 in a partial tile. */
  readonly width: number
}

/** The path below a log's prefix, e.g. `tile/0/x001/x234/067` or `tile/entries/000.p/7`. Source: c2sp.org/tlog-tiles. */
export function tilePath({ level, index, width }: Tile): string {
  const digits = String(index)
  const groups = digits.padStart(Math.ceil(digits.length / 3) * 3, '0').match(/\d{3}/g) ?? []
  const parts = groups.map((group, at) => (at < groups.length - 1 ? `x${group}` : group))
  return `tile/${level}/${parts.join('/')}${width === tileWidth ? '' : `.p/${width}`}`
}

/** The tile that a path names, or undefined. The inverse of `tilePath`: one spelling for each tile. */
export function parseTilePath(path: string): Tile | undefined {
  const match =
    /^tile\/(entries|0|[1-5]\d?|6[0-3]?|[7-9])\/((?:x\d{3}\/)*\d{3})(?:\.p\/([1-9]\d{0,2}))?$/.exec(path)
  if (match === null) return undefined
  const tile: Tile = {
    level: match[1] === 'entries' ? 'entries' : Number(match[1]),
    index: Number(match[2]?.replace(/[x/]/g, '')),
    width: match[3] === undefined ? tileWidth : Number(match[3]),
  }
  return Number.isSafeInteger(tile.index) && tilePath(tile) === path ? tile : undefined
}

/**
 * Every tile of a log of `size` rows that one of `known` rows does not have, ordered by level and index; entry bundles are those of level 0 under
 * another name. Publishing them, and then the checkpoint, takes a served log from one size to the next.
 */
export function tilesBetween(known: number, size: number): Tile[] {
  const tiles: Tile[] = []
  for (let level = 0, before = known, now = size; now > 0; level++) {
    for (let index = Math.floor(before / tileWidth); index * tileWidth < now; index++) {
      const width = Math.min(tileWidth, now - index * tileWidth)
      if (index * tileWidth + width > before) tiles.push({ level, index, width })
    }
    before = Math.floor(before / tileWidth)
    now = Math.floor(now / tileWidth)
  }
  return tiles
}

/** Where the hash at a place of the tree is found: the tile, of a log of `size` rows, and which of its complete subtrees it is the root of. */
export function tileOf(
  { level, index }: NodePlace,
  size: number,
): { readonly tile: Tile; readonly from: number; readonly to: number } {
  const tileLevel = Math.floor(level / tileHeight)
  const span = 2 ** (level % tileHeight)
  const first = index * span
  const tileIndex = Math.floor(first / tileWidth)
  const hashes = Math.floor(size / tileWidth ** tileLevel)
  const width = Math.min(tileWidth, hashes - tileIndex * tileWidth)
  const from = first - tileIndex * tileWidth
  if (from + span > width)
    throw new RangeError(`the subtree ${level}/${index} is not complete in a log of ${size} rows`)
  return { tile: { level: tileLevel, index: tileIndex, width }, from, to: from + span }
}

/** The bytes of a tile of hashes in lower-case hex. */
export function encodeTile(hashes: readonly string[]): Uint8Array {
  return bytesOfHex(hashes.join(''))
}

/** The hashes of a tile. Throws FastenError `TILE_MALFORMED` when its length is not that of `width` hashes. */
export function decodeTile(bytes: Uint8Array, width: number): string[] {
  if (bytes.length !== width * 32) throw malformed(`${bytes.length} bytes are not ${width} hashes`)
  return hexOf(bytes).match(/.{64}/g) ?? []
}

/** The bytes of an entry bundle: each leaf behind its length in two bytes, big-endian. Throws a RangeError for a leaf beyond 65,535 bytes. */
export function encodeEntries(leaves: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(leaves.reduce((sum, leaf) => sum + 2 + leaf.length, 0))
  let at = 0
  for (const leaf of leaves) {
    if (leaf.length > 0xff_ff) throw new RangeError(`a leaf of ${leaf.length} bytes fits no entry bundle`)
    bytes.set([leaf.length >> 8, leaf.length & 0xff], at)
    bytes.set(leaf, at + 2)
    at += 2 + leaf.length
  }
  return bytes
}

/** The leaves of a bundle. Throws FastenError `TILE_MALFORMED` when it is cut off or does not hold `width` of them. */
export function decodeEntries(bytes: Uint8Array, width: number): Uint8Array[] {
  const leaves: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const length = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
    if (at + 2 + length > bytes.length) throw malformed('an entry is cut off')
    leaves.push(bytes.subarray(at + 2, at + 2 + length))
    at += 2 + length
  }
  if (leaves.length !== width) throw malformed(`${leaves.length} entries are not ${width}`)
  return leaves
}

function malformed(why: string): FastenError {
  return new FastenError('TILE_MALFORMED', `this is no such tile: ${why}`)
}
