// SPDX-License-Identifier: Apache-2.0
import { closeSync, fstatSync, openSync, readSync, rmSync } from 'node:fs'
import type { SpooledDraft } from '../ports.ts'
import { decodeFrame, findNextFrame } from './frame.ts'
import { listSegments, segmentHeaderBytes, segmentPath } from './layout.ts'
import type { SpoolDamage, SpoolReader, SpoolSlice } from './spool.ts'

/** Some thousand rows; any frame fits, so one that does not end within a chunk is cut off by the file, not by us. */
const chunkBytes = 4 << 20

/**
 * Reads the spool in `directory`, also while its owner appends. One `read` looks at one chunk (4 MiB) of one segment.
 *
 * Bytes that are no frame are passed over to the next one that is, and handed out as damage: one flipped bit must not cost
 * the rows behind it. Zeros at the end are what a power loss leaves of a file that had grown, and no damage.
 */
export function createSpoolReader(id: string, directory: string): SpoolReader {
  let open: { readonly start: number; readonly handle: number } | null = null

  function close(): void {
    if (open) closeSync(open.handle)
    open = null
  }

  function openAt(start: number): number {
    if (open?.start === start) return open.handle
    close()
    open = { start, handle: openSync(segmentPath(directory, start), 'r') }
    return open.handle
  }

  function read(position: number, end: number, rowsMax: number): SpoolSlice {
    const starts = listSegments(directory)
    const start = starts.findLast((candidate) => candidate <= position)
    const nextStart = starts.find((candidate) => candidate > position)
    if (position >= end) return nothingAt(position)
    if (start === undefined)
      return nextStart === undefined
        ? nothingAt(position)
        : gap(position, nextStart, 'spool segment is missing')
    const until = Math.min(end, nextStart ?? end)
    const wanted = Math.min(until - position, chunkBytes)
    const bytes = readFully(openAt(start), segmentHeaderBytes + position - start, wanted)
    if (bytes.length === 0)
      return nextStart === undefined
        ? nothingAt(position)
        : gap(position, nextStart, 'spool segment is cut off')
    return slice(bytes, position, rowsMax, bytes.length < wanted || position + wanted >= until)
  }

  return {
    id,
    read,
    close,
    trim(position) {
      const starts = listSegments(directory)
      for (const [index, start] of starts.entries()) {
        const next = starts[index + 1]
        if (next === undefined || next > position) return
        if (open?.start === start) close()
        rmSync(segmentPath(directory, start), { force: true })
      }
    },
    end() {
      const last = listSegments(directory).at(-1)
      if (last === undefined) return 0
      return last + Math.max(fstatSync(openAt(last)).size - segmentHeaderBytes, 0)
    },
  }
}

/** The frames of one chunk. `isWhole`: nothing of this segment follows the chunk. */
function slice(bytes: Buffer, position: number, rowsMax: number, isWhole: boolean): SpoolSlice {
  const drafts: SpooledDraft[] = []
  const damage: SpoolDamage[] = []
  let offset = 0
  while (offset < bytes.length && drafts.length < rowsMax) {
    const frame = decodeFrame(bytes, offset, bytes.length)
    if (frame.kind === 'frame') {
      drafts.push(frame.draft)
      offset += frame.bytes
      continue
    }
    // Continues in the next chunk, which then starts with it.
    if (offset > 0 && !isWhole) break
    const next = findNextFrame(bytes, offset, bytes.length)
    const to = next === -1 ? bytes.length : next
    const bad = bytes.subarray(offset, to)
    const isTail = next === -1 && isWhole
    if (!isTail || bad.some((byte) => byte !== 0)) {
      const reason = frame.kind === 'damaged' ? frame.reason : 'frame is cut off'
      damage.push({
        from: position + offset,
        to: position + to,
        reason,
        isTorn: isTail && frame.kind === 'short',
        bytes: bad,
      })
    }
    offset = to
  }
  return { drafts, position: position + offset, damage }
}

const nothingAt = (position: number): SpoolSlice => ({ drafts: [], position, damage: [] })

const gap = (from: number, to: number, reason: string): SpoolSlice => ({
  drafts: [],
  position: to,
  damage: [{ from, to, reason, isTorn: false, bytes: new Uint8Array() }],
})

function readFully(handle: number, at: number, wanted: number): Buffer {
  const bytes = Buffer.allocUnsafe(wanted)
  let read = 0
  while (read < wanted) {
    const got = readSync(handle, bytes, read, wanted - read, at + read)
    if (got === 0) break
    read += got
  }
  return bytes.subarray(0, read)
}
