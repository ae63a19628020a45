// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { systemCode } from '../../core/error.ts'
import { listQuarantine, quarantine, type QuarantineEntry } from '../quarantine.ts'
import { frameHeaderBytes } from '../spool/frame.ts'
import { decodeSealed, encodeSealed, type WrappedKey } from './sealed.ts'
import { sealedFramesIn, type SealedFrame } from './sealed-frames.ts'

/** What was done about the drafts that wait, or have waited, outside of the store. */
export interface ScrubbedSpools {
  /** Frames and quarantine entries whose sealed values were blanked. */
  readonly blanked: number
  /** Frames of rows that are not stored yet: they are left as they are, and their values are refused once they arrive. */
  readonly waiting: number
}

/**
 * Overwrites, where they lie, the keys in `keys` and the values under them: in frames that the store has taken already, and in
 * quarantine. Frames keep their size and get a checksum that fits, so a spool that is read again is as sound as before.
 * Durable when it resolves. `storedUpTo` answers how far the store has taken a spool.
 */
export async function scrubSpools(
  root: string,
  keys: readonly WrappedKey[],
  storedUpTo: (spool: string) => Promise<bigint>,
): Promise<ScrubbedSpools> {
  const ids = new Set(keys.map(({ id }) => id))
  let blanked = 0
  let waiting = 0
  for (const frame of sealedFramesIn(root)) {
    const blank = blankedSealed(frame.sealed, ids)
    if (blank === undefined) continue
    if (BigInt(frame.end) > (await storedUpTo(frame.spool))) waiting++
    else if (overwrite(frame, blank)) blanked++
  }
  const entries: QuarantineEntry[] = []
  for (const entry of listQuarantine(root)) {
    const blank = entry.sealed === undefined ? undefined : blankedSealed(entry.sealed, ids)
    const bytes = entry.kind === 'bytes' ? withoutTexts(entry.bytes, keys) : undefined
    if (blank !== undefined) entries.push({ ...entry, sealed: blank })
    else if (bytes !== undefined) entries.push({ ...entry, bytes })
  }
  quarantine(root, entries)
  return { blanked: blanked + entries.length, waiting }
}

/** What is sealed, as long as before, with nothing of these keys and their values in it; undefined when there was nothing. */
function blankedSealed(sealed: Uint8Array, ids: ReadonlySet<string>): Buffer | undefined {
  const { keys = [], values = [] } = decodeSealed(sealed) ?? {}
  if (!keys.some(({ id, wrapped }) => ids.has(id) && !isBlank(wrapped))) return undefined
  return Buffer.from(
    encodeSealed({
      keys: keys.map((key) => (ids.has(key.id) ? { ...key, wrapped: blankOf(key.wrapped) } : key)),
      values: values.map((value) =>
        ids.has(value.key)
          ? {
              ...value,
              ...(value.lookup === undefined ? {} : { lookup: '0'.repeat(value.lookup.length) }),
              box: blankOf(value.box),
            }
          : value,
      ),
    }),
  )
}

/** True of what a scrub has put in the place of a wrapped key. */
export const isBlank = (wrapped: string): boolean => wrapped === blankOf(wrapped)

/** Base64 of as many zeros. */
const blankOf = (text: string): string => text.replace(/[^=]/g, 'A')

/** False when the file was removed meanwhile, and the frame with it. */
function overwrite({ path, offset, bytes, sealed }: SealedFrame, blank: Buffer): boolean {
  const copy = Buffer.from(bytes)
  const at = sealed.byteOffset - bytes.byteOffset
  blank.copy(copy, at, 0, sealed.length)
  copy.writeUInt32LE(crc32(copy.subarray(frameHeaderBytes)), 8)
  let handle: number
  try {
    handle = openSync(path, 'r+')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
  try {
    writeSync(handle, copy, 0, copy.length, offset)
    fsyncSync(handle)
    return true
  } finally {
    closeSync(handle)
  }
}

/** The bytes without the texts of these keys; undefined when they hold none. Damage keeps its length. */
function withoutTexts(bytes: Uint8Array, keys: readonly WrappedKey[]): Uint8Array | undefined {
  const copy = Buffer.from(bytes)
  let isFound = false
  for (const { wrapped } of keys) {
    for (let at = copy.indexOf(wrapped); at !== -1; at = copy.indexOf(wrapped, at + 1)) {
      copy.write(blankOf(wrapped), at)
      isFound = true
    }
  }
  return isFound ? copy : undefined
}
