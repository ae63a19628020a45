// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, existsSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Builds packages/fleet/dist against the built packages/fasten: a JavaScript file for each source, since a server may take its time to load and its
 * stack traces should name real files, with everything beside the sources that they read at run time. Built beside dist and swapped in at the end. Answers the
 * compiler's words when the sources do not compile, undefined when all went well.
 */
export async function buildFleet(root: string): Promise<string | undefined> {
  const home = join(root, 'packages/fleet')
  const fresh = join(home, `.dist-${process.pid}`)
  try {
    const options = ['-p', join(home, 'tsconfig.build.json'), '--outDir', fresh]
    const compiled = spawnSync(join(root, 'node_modules/.bin/tsc'), options, { encoding: 'utf8' })
    if (compiled.status !== 0) return `${compiled.stdout}${compiled.stderr}`.trim()
    cpSync(join(home, 'src/database/migrations'), join(fresh, 'database/migrations'), { recursive: true })
    chmodSync(join(fresh, 'cli/main.js'), 0o755)
    const place = join(home, 'dist')
    if (existsSync(place)) renameSync(place, `${fresh}-old`)
    renameSync(fresh, place)
    return undefined
  } finally {
    for (const folder of [fresh, `${fresh}-old`]) rmSync(folder, { recursive: true, force: true })
  }
}
