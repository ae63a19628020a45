// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A folder of its own for each run, in `.data` of the example; those of runs that have ended are removed. */
export function freshFolder(example: string): string {
  const data = join(example, '.data')
  mkdirSync(data, { recursive: true })
  for (const name of readdirSync(data))
    if (!isRunning(Number(name))) rmSync(join(data, name), { recursive: true })
  const folder = join(data, String(process.pid))
  mkdirSync(folder)
  return folder
}

/** As short as a path can be from where the visitor stands. */
export function shown(path: string): string {
  return relative(process.cwd(), path) || path
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    // No such process, or none of ours: nothing of this example writes there.
    return false
  }
}
