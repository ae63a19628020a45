// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { FastenError } from '../core/error.ts'
import { createMerkleTree } from '../core/merkle.ts'
import { parseNote } from '../core/note.ts'
import {
  decodeTile,
  encodeEntries,
  encodeTile,
  tileOf,
  tilePath,
  tilesBetween,
  tileWidth,
  type Tile,
} from '../core/tiles.ts'
import { subtreesOf, type NodePlace } from '../core/tree-proof.ts'
import { entryLeaves } from '../reader/log-tiles.ts'
import { sha256 } from '../store/platform.ts'
import type { RowSource, StoredCheckpoint } from '../store/ports.ts'
import { usageError, type World } from './command.ts'
import { exitCodes } from './exit-codes.ts'
import { counted } from './print/values.ts'

/**
 * Brings a folder up to the newest checkpoint of a log, as a tiled log (c2sp.org/tlog-tiles): what the folder's own checkpoint covers is read from
 * there and not computed again. The checkpoint is written last and at once, so whoever serves the folder never shows a size whose tiles are not
 * there. Throws `LOG_UNSIGNED`, and `TILES_DIVERGED` when the folder holds another history.
 */
export async function exportTiles(
  sources: readonly RowSource[],
  name: string,
  log: string | undefined,
  world: World,
): Promise<number> {
  const folder = resolve(world.cwd, name)
  const { source, checkpoint } = await signedLog(sources, log)
  const published = publishedSize(folder, checkpoint.log)
  if (published > checkpoint.size) throw diverged(checkpoint.log, published, checkpoint.size)
  const nodes = await grow(folder, published, source, checkpoint, world.signal)
  let files = 0
  for (const tile of tilesBetween(published, checkpoint.size)) {
    const level = Number(tile.level) * 8
    const first = tile.index * tileWidth
    const hashes = Array.from({ length: tile.width }, (_, at) => nodes({ level, index: first + at }))
    put(folder, tile, encodeTile(hashes))
    if (tile.level === 0) {
      const entries = encodeEntries(await entryLeaves(source, checkpoint.log, first, hashes))
      put(folder, { ...tile, level: 'entries' }, entries)
      files++
    }
    files++
  }
  writeWhole(join(folder, 'checkpoint'), new TextEncoder().encode(checkpoint.note))
  await world.out.line(
    `${checkpoint.log}: ${counted(checkpoint.size, 'row')}, ${counted(files, 'file')} written, ${counted(published, 'row')} there before`,
  )
  return exitCodes.ok
}

async function signedLog(
  sources: readonly RowSource[],
  log: string | undefined,
): Promise<{ readonly source: RowSource; readonly checkpoint: StoredCheckpoint }> {
  const found = await Promise.all(
    sources.map(async (source) => {
      const newest = (await source.checkpoints?.(log === undefined ? {} : { log, limit: 1 })) ?? []
      return newest.map((checkpoint) => ({ source, checkpoint }))
    }),
  )
  const [first, ...others] = found.flat()
  if (first === undefined)
    throw new FastenError('LOG_UNSIGNED', `no checkpoint of ${log ?? 'any log'} is kept here`, {
      hint: 'rows are signed while the application runs, and by `fasten checkpoint`',
    })
  if (others.length > 0)
    throw usageError('BAD_OPTION', 'a folder holds the tiles of one log, and there are several', {
      hint: `add --log, e.g. --log ${first.checkpoint.log}`,
    })
  return first
}

/** How many rows the folder's own checkpoint covers. Throws `TILES_DIVERGED` when it is that of another log. */
function publishedSize(folder: string, log: string): number {
  const file = join(folder, 'checkpoint')
  if (!existsSync(file)) return 0
  const { origin, size } = parseCheckpoint(parseNote(readFileSync(file)).text)
  if (origin === log) return size
  throw new FastenError('TILES_DIVERGED', `the folder holds the tiles of ${origin}, not of ${log}`, {
    at: file,
    hint: 'name another folder',
  })
}

/** Every node that the new tiles hold: old ones from the folder, new ones from the rows since. */
async function grow(
  folder: string,
  published: number,
  source: RowSource,
  checkpoint: StoredCheckpoint,
  signal: AbortSignal,
): Promise<(place: NodePlace) => string> {
  const tiles = new Map<string, readonly string[]>()
  const old = (place: NodePlace): string => {
    const { tile, from, to } = tileOf(place, published)
    const path = tilePath(tile)
    const hashes = tiles.get(path) ?? decodeTile(readFileSync(join(folder, path)), tile.width)
    tiles.set(path, hashes)
    const part = createMerkleTree(sha256)
    hashes.slice(from, to).forEach(part.append)
    return part.root()
  }
  const fresh = new Map<string, string>()
  const tree = createMerkleTree(sha256, {
    from: { size: published, frontier: subtreesOf(0, published).map(old) },
    // Only every eighth level is in tiles.
    onNode: (level, index, hash) => void (level % 8 === 0 && fresh.set(`${level}/${index}`, hash)),
  })
  while (tree.size() < checkpoint.size) {
    signal.throwIfAborted()
    const hashes = (await source.leafHashes?.(checkpoint.log, tree.size(), checkpoint.size)) ?? []
    if (hashes.length === 0) throw diverged(checkpoint.log, checkpoint.size, tree.size())
    hashes.forEach(tree.append)
  }
  if (tree.root() !== checkpoint.root) throw diverged(checkpoint.log, published, checkpoint.size)
  return ({ level, index }) => fresh.get(`${level}/${index}`) ?? old({ level, index })
}

function put(folder: string, tile: Tile, bytes: Uint8Array): void {
  const file = join(folder, tilePath(tile))
  mkdirSync(dirname(file), { recursive: true })
  writeWhole(file, bytes)
  // A full tile stands for all the partial ones before it.
  if (tile.width === tileWidth) rmSync(`${file}.p`, { recursive: true, force: true })
}

function writeWhole(file: string, bytes: Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(`${file}.unfinished`, bytes)
  renameSync(`${file}.unfinished`, file)
}

function diverged(log: string, had: number, has: number): FastenError {
  return new FastenError(
    'TILES_DIVERGED',
    `the tiles of ${had} rows and the log of ${has} rows are not one history`,
    {
      at: log,
      hint: 'keep the folder as evidence, run `fasten verify`, and export into another folder',
    },
  )
}
