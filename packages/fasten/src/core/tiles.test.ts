// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { digest } from './fixtures/rows.ts'
import { createMerkleTree } from './merkle.ts'
import {
  decodeEntries,
  decodeTile,
  encodeEntries,
  encodeTile,
  parseTilePath,
  tileOf,
  tilePath,
  tilesBetween,
  type Tile,
} from './tiles.ts'
import { consistencyPlan, inclusionPlan, proofFrom, type NodePlace } from './tree-proof.ts'

describe('tiles', () => {
  it('every path names one tile, and every tile has one path', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.constant('entries' as const), fc.integer({ min: 0, max: 63 })),
        fc.maxSafeNat(),
        fc.integer({ min: 1, max: 256 }),
        (level, index, width) => {
          const tile: Tile = { level, index, width }
          assert.deepEqual(parseTilePath(tilePath(tile)), tile)
        },
      ),
    )
    for (const path of [
      'tile/00/000',
      'tile/64/000',
      'tile/0/x000/000',
      'tile/0/000.p/256',
      'tile/0/000.p/0',
      'tile/0/../000',
    ])
      assert.equal(parseTilePath(path), undefined, path)
  })

  it('grow by what is new, and proofs from them are those from the rows', () => {
    const size = 1_300
    const nodes = new Map<string, string>()
    const tree = createMerkleTree(digest, {
      onNode: (level, index, hash) => void nodes.set(`${level}/${index}`, hash),
    })
    for (let index = 0; index < size; index++) tree.append(digest(Uint8Array.of(0, index >> 8, index & 255)))
    const nodeOf = ({ level, index }: NodePlace): string => nodes.get(`${level}/${index}`) ?? assert.fail()

    const served = new Map<string, Uint8Array>()
    for (const [known, now] of [
      [0, 700],
      [700, 701],
      [701, size],
    ] as const)
      for (const tile of tilesBetween(known, now)) {
        const level = Number(tile.level) * 8
        const hashes = Array.from({ length: tile.width }, (_, at) =>
          nodeOf({ level, index: tile.index * 256 + at }),
        )
        served.set(tilePath(tile), encodeTile(hashes))
      }
    assert.deepEqual(tilesBetween(700, 701).map(tilePath), ['tile/0/002.p/189'])
    const fromTiles = (place: NodePlace): string => {
      const { tile, from, to } = tileOf(place, size)
      const part = createMerkleTree(digest)
      decodeTile(served.get(tilePath(tile)) ?? assert.fail(tilePath(tile)), tile.width)
        .slice(from, to)
        .forEach(part.append)
      return part.root()
    }
    for (const plan of [
      inclusionPlan(0, size),
      inclusionPlan(1_299, size),
      inclusionPlan(600, size),
      consistencyPlan(701, size),
    ])
      assert.deepEqual(proofFrom(plan, fromTiles, digest), proofFrom(plan, nodeOf, digest))
  })

  it('bundles hold leaves of every length, and nothing that was cut off', () => {
    const leaves = [new Uint8Array(), Uint8Array.of(1), new Uint8Array(65_535).fill(7)]
    const bytes = encodeEntries(leaves)
    assert.deepEqual(
      decodeEntries(bytes, 3).map((leaf) => leaf.length),
      [0, 1, 65_535],
    )
    assert.throws(() => decodeEntries(bytes.subarray(0, -1), 3), /cut off/)
    assert.throws(() => decodeEntries(bytes, 4), /3 entries are not 4/)
    assert.throws(() => encodeEntries([new Uint8Array(65_536)]), RangeError)
  })
})
