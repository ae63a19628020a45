// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { listQuarantine, quarantine, type QuarantineEntry } from '../quarantine.ts'
import { decodeFrame, findNextFrame, frameHeaderBytes } from '../spool/frame.ts'
import { listSegments, listSpools, segmentHeaderBytes, segmentPath, spoolDirectory } from '../spool/layout.ts'
import type { PersonalRow } from './personal-store.ts'
import { decodeSealed, encodeSealed, type WrappedKey } from './sealed.ts'

/** What was done about the drafts that wait, or have waited, outside of the store. */
export interface ScrubbedSpools {
  /** Frames and quarantine entries whose sealed values were blanked. */
  readonly blanked: number
  /** Frames of rows that are not stored yet: they are left as they are, and their values are refused once they arrive. */
  readonly waiting: number
}

/** What of one person lies in spools and quarantine under `root`, whatever became of its row: their keys, and the rows that use them. */
export function personInSpools(
  root: string,
  pseudonyms: readonly string[],
): { readonly keys: readonly WrappedKey[]; readonly rows: readonly PersonalRow[] } {
  const keys: WrappedKey[] = []
  const rows: PersonalRow[] = []
  const look = (sealed: Uint8Array, log: string, text: Uint8Array): void => {
    const mine = (decodeSealed(sealed)?.keys ?? []).filter(
      (key) => pseudonyms.includes(key.subject) && key.wrapped !== blankOf(key.wrapped),
    )
    keys.push(...mine)
    if (mine.length > 0) rows.push(waitingRow(log, text))
  }
  for (const { sealed, log, text } of framesIn(root)) look(sealed, log, text)
  for (const { sealed, log, bytes } of listQuarantine(root))
    if (sealed !== undefined) look(sealed, log ?? '', bytes)
  return { keys, rows }
}

/** A draft as a legal hold looks at it; one that is no JSON is held by nothing but a hold on times. */
function waitingRow(log: string, text: Uint8Array): PersonalRow {
  let members: Readonly<Record<string, unknown>> = {}
  try {
    members = JSON.parse(Buffer.from(text).toString()) as typeof members
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
  }
  const named = (name: string): string | null => {
    const value = members[name]
    return typeof value === 'string' ? value : null
  }
  return {
    log,
    monotonic_seq: null,
    code: named('code'),
    actor: named('actor'),
    on_behalf_of: named('on_behalf_of'),
    target: named('target'),
    request_id: named('request_id'),
    tenant_id: named('tenant_id'),
    timestamp: named('timestamp'),
  }
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
  for (const frame of framesIn(root)) {
    const blank = blankedSealed(frame.sealed, ids)
    if (blank === undefined) continue
    if (BigInt(frame.end) > (await storedUpTo(frame.spool))) waiting++
    else {
      overwrite(frame, blank)
      blanked++
    }
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

interface SealedFrame {
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

function* framesIn(root: string): Generator<SealedFrame> {
  for (const spool of listSpools(root)) {
    const directory = spoolDirectory(root, spool)
    for (const start of listSegments(directory)) {
      const path = segmentPath(directory, start)
      const file = readFileSync(path)
      for (let offset = segmentHeaderBytes; offset !== -1 && offset < file.length;) {
        const frame = decodeFrame(file, offset, file.length)
        if (frame.kind !== 'frame') {
          offset = findNextFrame(file, offset, file.length)
          continue
        }
        const end = start + offset + frame.bytes - segmentHeaderBytes
        const { sealed, log, text } = frame.draft
        const bytes = file.subarray(offset, offset + frame.bytes)
        if (sealed !== undefined) yield { spool, path, offset, end, bytes, sealed, log, text }
        offset += frame.bytes
      }
    }
  }
}

/** What is sealed, as long as before, with nothing of these keys and their values in it; undefined when there was nothing. */
function blankedSealed(sealed: Uint8Array, ids: ReadonlySet<string>): Buffer | undefined {
  const { keys = [], values = [] } = decodeSealed(sealed) ?? {}
  if (!keys.some(({ id, wrapped }) => ids.has(id) && wrapped !== blankOf(wrapped))) return undefined
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

/** Base64 of as many zeros. */
const blankOf = (text: string): string => text.replace(/[^=]/g, 'A')

function overwrite({ path, offset, bytes, sealed }: SealedFrame, blank: Buffer): void {
  const copy = Buffer.from(bytes)
  const at = sealed.byteOffset - bytes.byteOffset
  blank.copy(copy, at, 0, sealed.length)
  copy.writeUInt32LE(crc32(copy.subarray(frameHeaderBytes)), 8)
  const handle = openSync(path, 'r+')
  try {
    writeSync(handle, copy, 0, copy.length, offset)
    fsyncSync(handle)
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
