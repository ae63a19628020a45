// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  openSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { bytes, duration } from '../print/values.ts'
import { fail, ok, skip, warn, type Check } from './check.ts'

/** Magic numbers of statfs(2) for places that rows should not live in, and why. */
const doubtful: Readonly<Record<number, readonly [name: string, why: string]>> = {
  0x6969: ['NFS', 'SQLite cannot rely on its locks there'],
  0xff534d42: ['CIFS', 'SQLite cannot rely on its locks there'],
  0xfe534d42: ['SMB', 'SQLite cannot rely on its locks there'],
  0x517b: ['SMB', 'SQLite cannot rely on its locks there'],
  0x01021997: ['9p', 'SQLite cannot rely on its locks there'],
  0x01021994: ['tmpfs', 'it is memory: the rows are gone after a restart of the machine'],
  0x858458f6: ['ramfs', 'it is memory: the rows are gone after a restart of the machine'],
  0x794c7630: ['overlayfs', 'it is a container layer: the rows are gone with the container'],
}

const names: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x65735546: 'fuse',
  0xf2f52010: 'f2fs',
}

const freeBytesMin = 64 * 1024 * 1024
const freeBytesFew = 1024 * 1024 * 1024

/** Space and kind of the file system under a folder, e.g. that of the database or of the spool. */
export function diskCheck(name: string, folder: string): Check {
  return {
    name,
    run() {
      const existing = nearestFolder(folder)
      const fs = statfsSync(existing)
      const [free, total] = [fs.bavail * fs.bsize, fs.blocks * fs.bsize]
      const kind = doubtful[fs.type >>> 0]
      const label = kind?.[0] ?? names[fs.type >>> 0]
      const message = `${bytes(free)} of ${bytes(total)} free at ${existing}${label === undefined ? '' : ` (${label})`}`
      const detail = {
        folder: existing,
        free_bytes: free,
        total_bytes: total,
        free_files: fs.ffree,
        type: `0x${(fs.type >>> 0).toString(16)}`,
      }
      if (free < freeBytesMin)
        return fail(message, { hint: 'make room: rows are refused when the spool has none', detail })
      if (fs.files > 0 && fs.ffree < 100)
        return fail(`${message}, ${fs.ffree} files left`, {
          hint: 'the file system is out of inodes',
          detail,
        })
      if (free < freeBytesFew && free < total / 10)
        return warn(message, { hint: 'make room before it fills up', detail })
      if (kind !== undefined)
        return warn(`${message}: ${kind[1]}`, {
          hint: 'put the database and its spool on a local disk',
          detail,
        })
      return ok(message, detail)
    },
  }
}

const syncRounds = 32
/** Faster than any medium: somebody answers "written" from memory. */
const syncMicrosSuspicious = 50
const syncMicrosSlow = 50_000

export interface SyncFinding {
  /** What the file system's clock said, in ms; null when nothing was measured. */
  fileTimeMs: number | null
}

/** How long the disk under a folder takes to promise that bytes will survive a power cut, measured on a file that is removed again. */
export function syncCheck(folder: string, clock: Clock, found: SyncFinding): Check {
  return {
    name: 'fsync',
    run() {
      const existing = nearestFolder(folder)
      const path = join(existing, `.fasten-doctor-${process.pid}`)
      const micros: number[] = []
      let handle: number
      try {
        handle = openSync(path, 'wx', 0o600)
      } catch (error) {
        return skip(`cannot write to ${existing}: ${error instanceof Error ? error.message : String(error)}`)
      }
      try {
        const block = new Uint8Array(4096).fill(0x20)
        for (let round = 0; round < syncRounds; round++) {
          writeSync(handle, block)
          const start = clock.monotonicNanos()
          fdatasyncSync(handle)
          micros.push(Number(clock.monotonicNanos() - start) / 1000)
        }
        found.fileTimeMs = fstatSync(handle).mtimeMs
      } finally {
        closeSync(handle)
        rmSync(path, { force: true })
      }
      micros.sort((a, b) => a - b)
      const median = micros[Math.floor(micros.length / 2)] ?? 0
      const slowest = micros.at(-1) ?? 0
      const message = `${milliseconds(median)} median, ${milliseconds(slowest)} slowest of ${syncRounds} at ${existing}`
      const detail = {
        median_us: Math.round(median),
        slowest_us: Math.round(slowest),
        rounds: syncRounds,
        folder: existing,
      }
      if (median < syncMicrosSuspicious) {
        return warn(`${message}: too fast to be true`, {
          hint: 'the device or hypervisor seems to ignore flushes; a power cut may lose rows that were promised durable',
          detail,
        })
      }
      if (median > syncMicrosSlow)
        return warn(`${message}: slow`, {
          hint: 'receipts resolve this late; use a faster disk for the spool',
          detail,
        })
      return ok(message, detail)
    },
  }
}

function milliseconds(micros: number): string {
  return micros < 10_000 ? `${(micros / 1000).toFixed(2)}ms` : duration(micros)
}

/** The folder, or the nearest one above it that exists already. */
function nearestFolder(folder: string): string {
  let existing = folder
  while (!existsSync(existing) && dirname(existing) !== existing) existing = dirname(existing)
  return existing
}
