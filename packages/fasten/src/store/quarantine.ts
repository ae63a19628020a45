// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { FastenError, systemCode } from '../core/error.ts'
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
}

/** Names an entry by where it was read: the start of the slice and the draft's index in it (none for damaged bytes). */
export const quarantineName = (spool: string, position: number, index?: number): string =>
  `${spool}-${position.toString(16)}${index === undefined ? '' : `.${index}`}`

/**
 * Writes entries to `<root>/quarantine/`; when it returns they survive power loss. Writing the same entry again (a replay
 * after a crash) leaves one file.
 */
export function quarantine(root: string, entries: readonly QuarantineEntry[]): void {
  if (entries.length === 0) return
  const directory = quarantineDirectory(root)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  for (const entry of entries) {
    const { name, bytes, ...rest } = entry
    const file: EntryFile = { ...rest, bytes_base64: Buffer.from(bytes).toString('base64') }
    const handle = openSync(join(directory, `${name}.json`), 'w', 0o600)
    try {
      writeSync(handle, `${JSON.stringify(file, null, 2)}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
  }
  syncDirectory(directory)
}

/** All entries under a root, by name; empty when nothing was ever quarantined. */
export function listQuarantine(root: string): QuarantineEntry[] {
  const directory = quarantineDirectory(root)
  return entryNames(directory).map((name) => readEntry(directory, name))
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

function readEntry(directory: string, name: string): QuarantineEntry {
  const path = join(directory, `${name}.json`)
  const text = readFileSync(path, 'utf8')
  try {
    const { bytes_base64, ...rest } = JSON.parse(text) as EntryFile
    return { name, ...rest, bytes: Buffer.from(bytes_base64, 'base64') }
  } catch (cause) {
    throw new FastenError('QUARANTINE_UNREADABLE', 'a quarantine file is not what was written there', {
      at: path,
      hint: 'move the file away; the others can then be listed',
      cause,
    })
  }
}
