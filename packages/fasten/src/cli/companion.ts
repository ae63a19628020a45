// SPDX-License-Identifier: Apache-2.0
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { FastenError } from '../core/error.ts'

/**
 * A door of another package of ours, which is installed only by who wants it: looked for beside this one, then in the project where the command was
 * typed. Throws `BAD_COMMAND`. `T` is what the door is asked to have; packages of one version have it.
 */
export async function companion<T>(door: string, cwd: string): Promise<T> {
  return (await import(placeOf(door, cwd))) as T
}

function placeOf(door: string, cwd: string): string {
  try {
    return import.meta.resolve(door)
  } catch {
    // Not beside this one; a `fasten` for the whole machine meets what a project has installed.
  }
  try {
    return pathToFileURL(createRequire(join(cwd, 'x')).resolve(door)).href
  } catch (cause) {
    const name = door.split('/')[0] ?? door
    throw new FastenError('BAD_COMMAND', `the package ${name} is not installed`, {
      at: door,
      hint: `npm install ${name}`,
      cause,
    })
  }
}
