// SPDX-License-Identifier: Apache-2.0
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { FastenError, systemCode } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'
import { quarantineDirectory, syncDirectory } from './spool/layout.ts'

/** One thing that no store would take, kept with the reason until a person decides. */
export interface QuarantineEntry {
  /** File name without its ending, from `quarantineName`; the same draft always gets the same name. */
  readonly name: string
  /** `row`: a whole draft a store refused. `bytes`: a damaged stretch of a spool file. */
  readonly kind: 'row' | 'bytes'
  readonly code: string
  readonly message: string
  readonly quarantined_at: string
  readonly spool: string
  /** Where in the spool it began. */
  readonly position: number
  /** Rows only: the log it was meant for. */
  readonly log: string | null
  readonly bytes: Uint8Array
  /** Rows with personal members only: `SpooledDraft.sealed`. */
  readonly sealed?: Uint8Array
}

interface EntryFile {
  readonly kind: 'row' | 'bytes'
  readonly code: string
  readonly message: string
  readonly quarantined_at: string
  readonly spool: string
  readonly position: number
  readonly log: string | null
  readonly bytes_base64: string
  readonly sealed_base64?: string
}

/** Names an entry by where it was read: the start of the slice and the draft's index in it (none for damaged bytes). */
export const quarantineName = (spool: string, position: number, index?: number): string =>
  `${spool}-${position.toString(16)}${index === undefined ? '' : `.${index}`}`

/**
 * Writes entries to `<root>/quarantine/`; when it returns they survive power loss. Writing the same entry again (a replay
 * after a crash) leaves one file, and whoever lists entries meanwhile sees whole ones only. Throws FastenError `QUARANTINE_IO`.
 */
export function quarantine(root: string, entries: readonly QuarantineEntry[]): void {
  if (entries.length === 0) return
  const directory = resolve(quarantineDirectory(root))
  try {
    const made = mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const entry of entries) writeEntry(directory, entry)
    syncDirectory(directory)
    // A folder that was made now is a name in the one above it.
    if (made === undefined) return
    for (let path = directory; path.length >= resolve(made).length; path = dirname(path))
      syncDirectory(dirname(path))
  } catch (cause) {
    throw new FastenError(
      'QUARANTINE_IO',
      `a row could not be put into quarantine: ${systemCode(cause) ?? String(cause)}`,
      {
        at: directory,
        hint: 'free disk space or mend the permissions of the folder; nothing is passed over until then',
        cause,
      },
    )
  }
}

function writeEntry(directory: string, { name, bytes, sealed, ...rest }: QuarantineEntry): void {
  const file: EntryFile = {
    ...rest,
    bytes_base64: Buffer.from(bytes).toString('base64'),
    ...(sealed === undefined ? {} : { sealed_base64: Buffer.from(sealed).toString('base64') }),
  }
  const path = join(directory, `${name}.json`)
  const handle = openSync(`${path}.new`, 'w', 0o600)
  try {
    // A plain write may take less than it was given when the disk is nearly full, and not say so.
    writeFileSync(handle, `${JSON.stringify(file, null, 2)}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
  renameSync(`${path}.new`, path)
}

/** All entries under a root, by name; empty when nothing was ever quarantined. One that is taken out while we look is left out. */
export function listQuarantine(root: string): QuarantineEntry[] {
  const directory = quarantineDirectory(root)
  return entryNames(directory).flatMap((name) => readEntry(directory, name) ?? [])
}

/** How many there are, without reading them. */
export const countQuarantine = (root: string): number => entryNames(quarantineDirectory(root)).length

/** Takes entries out, after they were stored or given up on purpose. Durable when it returns. */
export function discardQuarantine(root: string, names: readonly string[]): void {
  if (names.length === 0) return
  const directory = quarantineDirectory(root)
  for (const name of names) rmSync(join(directory, `${name}.json`), { force: true })
  syncDirectory(directory)
}

function entryNames(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((file) => file.endsWith('.json'))
      .map((file) => file.slice(0, -'.json'.length))
      .sort()
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}

function readEntry(directory: string, name: string): QuarantineEntry | undefined {
  const path = join(directory, `${name}.json`)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const { bytes_base64, sealed_base64, ...rest } = readJson(text) as EntryFile
    return {
      name,
      ...rest,
      bytes: Buffer.from(bytes_base64, 'base64'),
      ...(sealed_base64 === undefined ? {} : { sealed: Buffer.from(sealed_base64, 'base64') }),
    }
  } catch (cause) {
    throw new FastenError('QUARANTINE_UNREADABLE', 'a quarantine file is not what was written there', {
      at: path,
      hint: 'move the file away; the others can then be listed',
      cause,
    })
  }
}
