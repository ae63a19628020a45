// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { systemCode } from '../../core/error.ts'
import { decodeFrame, findNextFrame } from '../spool/frame.ts'
import { listSegments, listSpools, segmentHeaderBytes, segmentPath, spoolDirectory } from '../spool/layout.ts'

/** A draft with personal values, where it lies in a spool. */
export interface SealedFrame {
  readonly spool: string
  readonly path: string
  /** Where the frame begins in its file. */
  readonly offset: number
  /** Position behind the frame. */
  readonly end: number
  readonly bytes: Buffer
  readonly sealed: Uint8Array
  readonly log: string
  /** The draft. */
  readonly text: Uint8Array
}

/** How far each file was read, by its path. */
export type FramesSeen = Map<string, number>

/**
 * The drafts with personal values in all spools under `root`, of living processes too; with `seen`, those behind what it says, which
 * is then moved.
 *
 * A file that goes while we look is passed over: it is removed only when the store has all of it. So whoever needs every row asks here
 * first, and the store afterwards.
 */
export function* sealedFramesIn(root: string, seen: FramesSeen = new Map()): Generator<SealedFrame> {
  for (const spool of listSpools(root)) {
    const directory = spoolDirectory(root, spool)
    for (const start of listSegments(directory)) {
      const path = segmentPath(directory, start)
      const from = seen.get(path) ?? segmentHeaderBytes
      const bytes = readFrom(path, from)
      let read = 0
      for (let at = 0; at !== -1 && at < bytes.length;) {
        const frame = decodeFrame(bytes, at, bytes.length)
        if (frame.kind !== 'frame') {
          at = findNextFrame(bytes, at, bytes.length)
          continue
        }
        const { sealed, log, text } = frame.draft
        const offset = from + at
        const end = start + offset + frame.bytes - segmentHeaderBytes
        if (sealed !== undefined)
          yield { spool, path, offset, end, bytes: bytes.subarray(at, at + frame.bytes), sealed, log, text }
        read = at += frame.bytes
      }
      seen.set(path, from + read)
    }
  }
}

function readFrom(path: string, from: number): Buffer {
  let handle: number
  try {
    handle = openSync(path, 'r')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
  try {
    const bytes = Buffer.allocUnsafe(Math.max(fstatSync(handle).size - from, 0))
    let read = 0
    while (read < bytes.length) {
      const got = readSync(handle, bytes, read, bytes.length - read, from + read)
      if (got === 0) break
      read += got
    }
    return bytes.subarray(0, read)
  } finally {
    closeSync(handle)
  }
}
