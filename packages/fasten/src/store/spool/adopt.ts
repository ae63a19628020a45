// SPDX-License-Identifier: Apache-2.0
import { rmSync, statSync } from 'node:fs'
import { FastenError } from '../../core/error.ts'
import { drainSlice, type DrainPlace, type DrainedSlice } from '../drain.ts'
import type { RowSink } from '../ports.ts'
import { listSpools, lockPath, spoolDirectory, syncDirectory } from './layout.ts'
import { acquireLock } from './lock.ts'
import { createSpoolReader } from './reader.ts'

export interface AdoptOptions {
  /** The spool of the process that asks. */
  readonly own: string | null
  readonly onSlice: (slice: DrainedSlice) => void
  /** After each spool that was emptied and removed. */
  readonly onAdopted?: (spool: string) => void
  /** Asked between two slices. */
  readonly isStopped?: () => boolean
}

/** A spool that could not be read, emptied into quarantine or removed; the others were not held up by it. */
export interface AdoptionFault {
  readonly spool: string
  readonly error: unknown
}

/**
 * Drains the spools of processes that are dead, those that started first before later ones, oldest rows first within each,
 * and removes them. A spool whose lock is held belongs to a living process and is left alone. Two adopters never meet: the
 * lock admits one.
 *
 * The order of removal matters: files first, their absence made durable, the store's record of the position last. With
 * the record gone first, files that reappear after a power loss would be stored a second time.
 *
 * Throws what the store throws, since every spool would meet that; what was adopted so far stays adopted. What is wrong with
 * one spool alone is answered, and it stays where it is.
 */
export async function adoptSpools(
  place: DrainPlace,
  options: AdoptOptions,
): Promise<readonly AdoptionFault[]> {
  const { own, onAdopted, isStopped = () => false } = options
  const { sink, faultOf } = watched(place.sink)
  const faults: AdoptionFault[] = []
  for (const spool of oldestFirst(place.root)) {
    if (isStopped()) break
    if (spool === own) continue
    try {
      if (await adopt({ ...place, sink }, spool, options)) onAdopted?.(spool)
    } catch (error) {
      if (faultOf() === error) throw error
      faults.push({ spool, error })
    }
  }
  return faults
}

/** True when the spool is gone: false when it is somebody's, or when there was no time. */
async function adopt(
  place: DrainPlace,
  spool: string,
  { onSlice, isStopped = () => false }: AdoptOptions,
): Promise<boolean> {
  const lock = acquireLock(lockPath(place.root, spool))
  if (!lock) return false
  const directory = spoolDirectory(place.root, spool)
  const reader = createSpoolReader(spool, directory)
  try {
    const end = reader.end()
    let position = Number(await place.sink.spoolPosition(spool))
    while (position < end) {
      if (isStopped()) return false
      const slice = await drainSlice(place, reader, position, end)
      if (slice.position === position) throw cutOff(spool, directory)
      position = slice.position
      onSlice(slice)
    }
    reader.close()
    await removeSpool(place, spool)
    lock.release({ remove: true })
    return true
  } finally {
    reader.close()
    lock.release()
  }
}

/** Removes a drained spool's files and then the store's record of it. The caller holds its lock. */
export async function removeSpool(place: Pick<DrainPlace, 'root' | 'sink'>, id: string): Promise<void> {
  const directory = spoolDirectory(place.root, id)
  rmSync(directory, { recursive: true, force: true })
  syncDirectory(place.root)
  await place.sink.forgetSpool(id)
}

/** What is said of a spool that ends before what was written to it. */
export function cutOff(spool: string, at: string): FastenError {
  return new FastenError('SPOOL_IO', `spool ${spool} ends before what was written to it`, {
    at,
    hint: 'somebody removed or cut its files; what is left of them is stored',
  })
}

/** By when the lock was made, which is when the process started; ids are random. */
function oldestFirst(root: string): string[] {
  const startedMs = (spool: string): number =>
    (
      statSync(lockPath(root, spool), { throwIfNoEntry: false }) ??
      statSync(spoolDirectory(root, spool), { throwIfNoEntry: false })
    )?.mtimeMs ?? 0
  return listSpools(root)
    .map((spool) => ({ spool, startedMs: startedMs(spool) }))
    .sort((one, other) => one.startedMs - other.startedMs || (one.spool < other.spool ? -1 : 1))
    .map(({ spool }) => spool)
}

/** The sink, and the fault it threw last. */
function watched(sink: RowSink): { readonly sink: RowSink; readonly faultOf: () => unknown } {
  let fault: unknown
  const watch = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (error) {
      fault = error
      throw error
    }
  }
  return {
    sink: {
      append: (batch) => watch(sink.append(batch)),
      spoolPosition: (spool) => watch(sink.spoolPosition(spool)),
      forgetSpool: (spool) => watch(sink.forgetSpool(spool)),
    },
    faultOf: () => fault,
  }
}
