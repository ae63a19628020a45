// SPDX-License-Identifier: Apache-2.0
import { rmSync } from 'node:fs'
import { drainSlice, type DrainPlace, type DrainedSlice } from '../drain.ts'
import { listSpools, lockPath, spoolDirectory, syncDirectory } from './layout.ts'
import { acquireLock } from './lock.ts'
import { createSpoolReader } from './reader.ts'

/**
 * Drains the spools of processes that are dead, oldest rows first within each, and removes them. A spool whose lock is held
 * belongs to a living process and is left alone. Two adopters never meet: the lock admits one.
 *
 * The order of removal matters: files first, their absence made durable, the store's record of the position last. With
 * the record gone first, files that reappear after a power loss would be stored a second time.
 *
 * Throws what the store throws; what was adopted so far stays adopted.
 */
export async function adoptSpools(
  place: DrainPlace,
  own: string | null,
  onSlice: (slice: DrainedSlice) => void,
): Promise<{ spools: number }> {
  let spools = 0
  for (const id of listSpools(place.root)) {
    if (id === own) continue
    const lock = acquireLock(lockPath(place.root, id))
    if (!lock) continue
    try {
      await adopt(place, id, onSlice)
      spools++
      lock.release({ remove: true })
    } finally {
      lock.release()
    }
  }
  return { spools }
}

async function adopt(place: DrainPlace, id: string, onSlice: (slice: DrainedSlice) => void): Promise<void> {
  const directory = spoolDirectory(place.root, id)
  const reader = createSpoolReader(id, directory)
  try {
    const end = reader.end()
    let position = Number(await place.sink.spoolPosition(id))
    while (position < end) {
      const slice = await drainSlice(place, reader, position, end)
      onSlice(slice)
      if (slice.position === position) break
      position = slice.position
    }
  } finally {
    reader.close()
  }
  await removeSpool(place, id)
}

/** Removes a drained spool's files and then the store's record of it. The caller holds its lock. */
export async function removeSpool(place: Pick<DrainPlace, 'root' | 'sink'>, id: string): Promise<void> {
  const directory = spoolDirectory(place.root, id)
  rmSync(directory, { recursive: true, force: true })
  syncDirectory(place.root)
  await place.sink.forgetSpool(id)
}
