// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs'
import { FastenError, systemCode } from '../../core/error.ts'
import { createFrameEncoder, framePayloadBytesMax } from './frame.ts'
import { reservePath, segmentHeaderBytes, segmentMagic, segmentPath, syncDirectory } from './layout.ts'
import type { SpoolWriter } from './spool.ts'

/** The file operations a writer uses; handed in so that a test can make any one of them fail. */
export type SpoolFiles = Pick<
  typeof fs,
  | 'closeSync'
  | 'fdatasync'
  | 'fdatasyncSync'
  | 'fsyncSync'
  | 'mkdirSync'
  | 'openSync'
  | 'readSync'
  | 'renameSync'
  | 'rmSync'
  | 'statfsSync'
  | 'writeSync'
>

export interface SpoolWriterOptions {
  readonly id: string
  /** Exists not yet; made here. */
  readonly directory: string
  /** A segment is closed once it is larger; larger segments hold disk longer after they were drained. Default 8 MiB. */
  readonly segmentBytesTarget?: number
  /** Held back for the rows that tell of a full disk. Default 256 KiB. */
  readonly reserveBytes?: number
  /** Default `node:fs`. */
  readonly files?: SpoolFiles
}

interface Segment {
  readonly start: number
  readonly path: string
  handle: number
  /** Frame bytes in the file. */
  bytes: number
}

/** Makes the directory with its first segment. Throws `SPOOL_FULL` or `SPOOL_IO`. */
export function createSpoolWriter(options: SpoolWriterOptions): SpoolWriter {
  const { id, directory, segmentBytesTarget = 8 << 20, reserveBytes = 256 << 10, files = fs } = options
  const frame = createFrameEncoder()
  let position = 0
  let syncedPosition = 0
  /** Oldest first; the last one is being written, the others wait for a sync before they are closed. */
  let segments: Segment[] = []
  let retired: number[] = []
  let hasReserve = false

  const guarded = <T>(doing: string, work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw spoolError(error, doing, directory)
    }
  }

  guarded('make the spool', () => {
    files.mkdirSync(directory, { recursive: true, mode: 0o700 })
    segments.push(openSegment(files, directory, id, 0))
    writeReserve()
    syncDirectory(directory)
  })

  function current(): Segment {
    const segment = segments.at(-1)
    if (!segment) throw new FastenError('SPOOL_CLOSED', `spool ${id} is closed`, { at: directory })
    return segment
  }

  /** Positioned, so that a torn write is overwritten by the next frame instead of staying in the middle. */
  function writeAt(segment: Segment, bytes: number): void {
    let written = 0
    while (written < bytes)
      written += files.writeSync(
        segment.handle,
        frame.bytes,
        written,
        bytes - written,
        segmentHeaderBytes + segment.bytes + written,
      )
  }

  function append(log: string, text: string, sealed?: string): number {
    const bytes = encode(log, text, sealed)
    let segment = current()
    try {
      if (segment.bytes > 0 && segment.bytes + bytes > segmentBytesTarget) segment = rotate()
      writeAt(segment, bytes)
    } catch (error) {
      if (!hasReserve || !isFull(error)) throw spoolError(error, 'write to the spool', directory)
      releaseReserve()
      guarded('write to the spool', () => {
        segment = current()
        writeAt(segment, bytes)
      })
    }
    segment.bytes += bytes
    position += bytes
    return position
  }

  function encode(log: string, text: string, sealed?: string): number {
    try {
      return frame.encode(log, text, sealed)
    } catch (cause) {
      throw new FastenError(
        'ROW_TOO_LARGE',
        `a row of ${text.length} characters does not fit into a spool frame`,
        {
          at: log,
          hint: `frames end at ${framePayloadBytesMax} bytes; put large content elsewhere and its hash into detail`,
          cause,
        },
      )
    }
  }

  function rotate(): Segment {
    const segment = openSegment(files, directory, id, position)
    segments.push(segment)
    syncDirectory(directory)
    return segment
  }

  function writeReserve(): void {
    const path = reservePath(directory)
    const handle = files.openSync(path, 'w', 0o600)
    try {
      // Written, not truncated to size: a sparse file reserves nothing.
      files.writeSync(handle, Buffer.alloc(reserveBytes))
      hasReserve = true
    } catch (error) {
      if (!isFull(error)) throw error
      files.rmSync(path, { force: true })
    } finally {
      files.closeSync(handle)
    }
  }

  function releaseReserve(): void {
    hasReserve = false
    files.rmSync(reservePath(directory), { force: true })
  }

  // Group commit: one sync runs, everybody who asks meanwhile shares the next one.
  let running: Promise<void> | null = null
  let next: Promise<void> | null = null

  function sync(): Promise<void> {
    if (syncedPosition === position) return Promise.resolve()
    if (running === null) return start()
    next ??= running.then(start, start)
    return next
  }

  function start(): Promise<void> {
    next = null
    const target = position
    const waiting = segments.slice()
    const mine = Promise.all(waiting.map(syncSegment)).then(() => {
      finishSync(target, waiting)
    })
    running = mine
    const clear = (): void => {
      if (running === mine) running = null
    }
    mine.then(clear, clear)
    return mine
  }

  function syncSegment(segment: Segment): Promise<void> {
    return new Promise((resolve, reject) => {
      files.fdatasync(segment.handle, (error) => {
        if (!error) return resolve()
        try {
          rewrite(segment)
          resolve()
        } catch (cause) {
          reject(spoolError(cause, 'sync the spool', directory))
        }
      })
    })
  }

  /**
   * After a failed sync the kernel may have dropped dirty pages and would report success the next time. So the failed
   * file is never synced again: its bytes are read back and written to a new one, which is synced and takes its name.
   */
  function rewrite(segment: Segment): void {
    const size = segmentHeaderBytes + segment.bytes
    const copy = Buffer.allocUnsafe(size)
    for (let read = 0; read < size;) {
      const got = files.readSync(segment.handle, copy, read, size - read, read)
      if (got === 0)
        throw new FastenError('SPOOL_IO', 'a spool segment is shorter than what was written', {
          at: segment.path,
        })
      read += got
    }
    const path = `${segment.path}.new`
    const handle = files.openSync(path, 'w+', 0o600)
    try {
      for (let written = 0; written < size;)
        written += files.writeSync(handle, copy, written, size - written, written)
      files.fsyncSync(handle)
      files.renameSync(path, segment.path)
      syncDirectory(directory)
    } catch (error) {
      files.closeSync(handle)
      files.rmSync(path, { force: true })
      throw error
    }
    // A sync in flight may still use the old file; it is closed with the next one that ends.
    retired.push(segment.handle)
    segment.handle = handle
  }

  function finishSync(target: number, synced: readonly Segment[]): void {
    if (target > syncedPosition) syncedPosition = target
    for (const handle of retired) files.closeSync(handle)
    retired = []
    const last = segments.at(-1)
    for (const segment of synced) {
      if (segment === last || !segments.includes(segment)) continue
      files.closeSync(segment.handle)
      segments = segments.filter((other) => other !== segment)
    }
  }

  function syncNow(): void {
    if (syncedPosition === position) return
    const waiting = segments.slice()
    for (const segment of waiting) {
      try {
        files.fdatasyncSync(segment.handle)
      } catch {
        // Told below if the rewrite fails too; a failed sync alone is not a loss.
        guarded('sync the spool', () => rewrite(segment))
      }
    }
    // An asynchronous sync may still use the older handles; it closes them when it ends.
    if (running === null) finishSync(position, waiting)
    else syncedPosition = position
  }

  return {
    id,
    get position() {
      return position
    },
    get hasReserve() {
      return hasReserve
    },
    append,
    sync,
    syncNow,
    restoreReserve() {
      if (hasReserve || segments.length === 0) return
      try {
        const { bavail, bsize } = files.statfsSync(directory)
        // Not the last free bytes: the store needs room before we hold any back.
        if (bavail * bsize > reserveBytes * 8) writeReserve()
      } catch {
        // It is asked again; until then hasReserve tells the truth.
        hasReserve = false
      }
    },
    close() {
      const closing = [...segments.map((segment) => segment.handle), ...retired]
      segments = []
      retired = []
      const finish = (): void => {
        for (const handle of closing) files.closeSync(handle)
      }
      if (running === null) finish()
      else running.then(finish, finish)
    },
  }
}

function openSegment(files: SpoolFiles, directory: string, id: string, start: number): Segment {
  const path = segmentPath(directory, start)
  const handle = files.openSync(path, 'w+', 0o600)
  try {
    const header = Buffer.alloc(segmentHeaderBytes)
    header.write(segmentMagic, 0, 'latin1')
    header.write(id, 8, 'hex')
    files.writeSync(handle, header, 0, segmentHeaderBytes, 0)
  } catch (error) {
    files.closeSync(handle)
    files.rmSync(path, { force: true })
    throw error
  }
  return { start, path, handle, bytes: 0 }
}

const isFull = (error: unknown): boolean => ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(systemCode(error) ?? '')

function spoolError(error: unknown, doing: string, directory: string): FastenError {
  if (error instanceof FastenError) return error
  const code = systemCode(error) ?? 'unknown'
  return isFull(error)
    ? new FastenError('SPOOL_FULL', `cannot ${doing}: no space left (${code})`, {
        at: directory,
        hint: 'free disk space or point FASTEN_SPOOL_DIR at another disk; emitting resumes by itself',
        cause: error,
      })
    : new FastenError('SPOOL_IO', `cannot ${doing}: ${code}`, {
        at: directory,
        hint:
          code === 'ERR_ACCESS_DENIED'
            ? 'the permission model of Node.js forbids syncing files; run without --permission'
            : 'check the disk and the permissions of the spool directory',
        cause: error,
      })
}
