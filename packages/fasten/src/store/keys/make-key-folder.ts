// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../core/error.ts'

/**
 * Makes the folder of keys where there is none, for its owner only. Answers the topmost folder that had to be made, or undefined.
 * One that is made here is ignored by git: by default it lies beside the database, in the folder of the application, and a
 * private key in a repository is one that everybody has.
 */
export function makeKeyFolder(folder: string): string | undefined {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 })
  if (made === undefined) return undefined
  try {
    writeFileSync(join(folder, '.gitignore'), '*\n', { flag: 'wx' })
  } catch (error) {
    // Another process was here first.
    if (systemCode(error) !== 'EEXIST') throw error
  }
  return made
}
