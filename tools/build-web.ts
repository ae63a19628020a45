// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { brotliCompressSync, constants } from 'node:zlib'

/** What shrinks; fonts and pictures are packed already. */
const shrinks: ReadonlySet<string> = new Set(['.html', '.js', '.css', '.svg'])

/**
 * Builds packages/web/dist: the pages as files with a packed copy beside each, and the server's part that hands them out. Built beside dist and swapped in
 * at the end. Answers what the tools said when it does not build, undefined when all went well.
 */
export async function buildWeb(root: string): Promise<string | undefined> {
  const home = join(root, 'packages/web')
  const fresh = join(home, `.dist-${process.pid}`)
  const tool = (name: string): string => join(root, 'node_modules/.bin', name)
  try {
    for (const [command, ...args] of [
      [tool('tsc'), '-p', join(home, 'tsconfig.build.json'), '--outDir', fresh],
      [tool('vite'), 'build', '--config', join(home, 'vite.config.ts'), '--outDir', join(fresh, 'page')],
    ] as const) {
      const made = spawnSync(command, args, { cwd: home, encoding: 'utf8' })
      if (made.status !== 0) return `${made.stdout}${made.stderr}`.trim()
    }
    packBeside(join(fresh, 'page'))
    const place = join(home, 'dist')
    if (existsSync(place)) renameSync(place, `${fresh}-old`)
    renameSync(fresh, place)
    return undefined
  } finally {
    for (const folder of [fresh, `${fresh}-old`]) rmSync(folder, { recursive: true, force: true })
  }
}

function packBeside(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !shrinks.has(extname(entry.name))) continue
    const file = join(entry.parentPath, entry.name)
    const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY }
    writeFileSync(`${file}.br`, brotliCompressSync(readFileSync(file), { params }))
  }
}
