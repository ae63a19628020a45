// SPDX-License-Identifier: Apache-2.0
import { appendFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { usageError } from './command.ts'

/** A folder that appears whole or not at all. */
export interface NewFolder {
  /** Adds bytes to the end of the file at this path below the folder. */
  add(path: string, bytes: Uint8Array): void
  /** The folder is there, under its name. */
  finish(): void
  /** Nothing is left behind. */
  drop(): void
}

/** Throws `BAD_ARGUMENT` for a name that something has already, except for a folder that is empty. */
export function openNewFolder(name: string, cwd: string): NewFolder {
  const folder = resolve(cwd, name)
  if (existsSync(folder) && !isEmptyFolder(folder))
    throw usageError('BAD_ARGUMENT', `${JSON.stringify(name)} is there already`, {
      hint: 'name a new folder; evidence is not written over',
    })
  const unfinished = `${folder}.unfinished-${process.pid}`
  mkdirSync(unfinished, { recursive: true })
  return {
    add(path, bytes) {
      const file = join(unfinished, path)
      mkdirSync(dirname(file), { recursive: true })
      appendFileSync(file, bytes)
    },
    finish() {
      if (existsSync(folder)) rmdirSync(folder)
      renameSync(unfinished, folder)
    },
    drop: () => rmSync(unfinished, { recursive: true, force: true }),
  }
}

function isEmptyFolder(path: string): boolean {
  try {
    return readdirSync(path).length === 0
  } catch {
    // A file, or a folder that may not be read: taken either way.
    return false
  }
}
