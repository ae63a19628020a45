// SPDX-License-Identifier: Apache-2.0
/**
 * Where spools rest.
 *
 *   <root>/<spool id>.lock      held by the owning process for as long as it lives
 *   <root>/<spool id>/          one per process and store
 *       <start, 16 hex>.seg     frames; `start` is the position of the first one
 *       reserve                 space given back when the disk is full
 *   <root>/quarantine/          what no store would take, with the reason
 *   <root>/ship.lock            held by the process that ships the store's rows to a fleet
 *
 * A position counts frame bytes from 0 over all segments of a spool, so it names a place for ever, also when the segments
 * before it are gone.
 */
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../core/error.ts'

/** Magic and spool id at the head of each segment; not counted in positions. */
export const segmentHeaderBytes = 16
export const segmentMagic = 'FSTNSPL1'

const segmentPattern = /^([0-9a-f]{16})\.seg$/
const spoolPattern = /^[0-9a-f]{16}$/

export const spoolDirectory = (root: string, spool: string): string => join(root, spool)
export const lockPath = (root: string, spool: string): string => join(root, `${spool}.lock`)
export const shipLockPath = (root: string): string => join(root, 'ship.lock')
export const quarantineDirectory = (root: string): string => join(root, 'quarantine')
export const reservePath = (directory: string): string => join(directory, 'reserve')
export const segmentPath = (directory: string, start: number): string =>
  join(directory, `${start.toString(16).padStart(16, '0')}.seg`)

/** Start positions of the segments in a spool's directory, ascending; empty when the directory is gone. */
export function listSegments(directory: string): number[] {
  const starts: number[] = []
  for (const name of listOrEmpty(directory)) {
    const match = segmentPattern.exec(name)
    if (match?.[1]) starts.push(Number.parseInt(match[1], 16))
  }
  return starts.sort((a, b) => a - b)
}

/** Ids of the spools under a root; empty when there is no root. */
export function listSpools(root: string): string[] {
  return listOrEmpty(root).filter((name) => spoolPattern.test(name))
}

/** Names and removals in a directory survive power loss once this returns. */
export function syncDirectory(directory: string): void {
  // Windows cannot open a directory; NTFS journals its names.
  if (process.platform === 'win32') return
  const handle = openSync(directory, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function listOrEmpty(directory: string): string[] {
  try {
    return readdirSync(directory)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
