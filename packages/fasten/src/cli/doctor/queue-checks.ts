// SPDX-License-Identifier: Apache-2.0
import { existsSync, statSync } from 'node:fs'
import { countQuarantine, listQuarantine } from '../../store/quarantine.ts'
import {
  listSegments,
  listSpools,
  lockPath,
  quarantineDirectory,
  segmentPath,
  spoolDirectory,
} from '../../store/spool/layout.ts'
import { acquireLock } from '../../store/spool/lock.ts'
import { bytes, counted } from '../print/values.ts'
import { ok, warn, type Check } from './check.ts'

/** Rows that were accepted and wait on disk: spools of living processes, and of dead ones that somebody has to adopt. */
export function spoolCheck(root: string): Check {
  return {
    name: 'spool',
    run() {
      const spools = listSpools(root).map((id) => ({ id, bytes: sizeOf(root, id), isHeld: isHeld(root, id) }))
      const detail = { folder: root, spools }
      const left = spools.filter((spool) => !spool.isHeld && spool.bytes > 0)
      if (left.length > 0) {
        const size = left.reduce((sum, spool) => sum + spool.bytes, 0)
        return warn(`${counted(left.length, 'spool')} of dead processes, ${bytes(size)}, at ${root}`, {
          hint: 'the next process that opens this store takes them over; start the service, or run fasten doctor --emit',
          detail,
        })
      }
      const held = spools.filter((spool) => spool.isHeld).length
      return ok(
        held === 0 ? 'nothing waits' : `${counted(held, 'living process', 'living processes')} at ${root}`,
        detail,
      )
    },
  }
}

/** Rows no store would take. */
export function quarantineCheck(root: string): Check {
  return {
    name: 'quarantine',
    run() {
      const count = countQuarantine(root)
      if (count === 0) return ok('empty', { folder: quarantineDirectory(root), entries: 0 })
      const codes = [...new Set(listQuarantine(root).map((entry) => entry.code))].sort()
      return warn(
        `${counted(count, 'entry', 'entries')} (${codes.join(', ')}) at ${quarantineDirectory(root)}`,
        {
          hint: 'look with fasten quarantine list, then fasten quarantine retry',
          detail: { folder: quarantineDirectory(root), entries: count, codes },
        },
      )
    },
  }
}

function sizeOf(root: string, id: string): number {
  const directory = spoolDirectory(root, id)
  return listSegments(directory).reduce(
    (sum, start) => sum + (statSync(segmentPath(directory, start), { throwIfNoEntry: false })?.size ?? 0),
    0,
  )
}

/** Whether a living process owns the spool. Asking takes the lock for an instant, as an adopter would. */
function isHeld(root: string, id: string): boolean {
  const path = lockPath(root, id)
  if (!existsSync(path)) return false
  const lock = acquireLock(path)
  lock?.release()
  return lock === null
}
