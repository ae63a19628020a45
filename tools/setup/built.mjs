// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { startProgress } from './progress.mjs'
import { SetupFailure } from './setup-failure.mjs'

/**
 * Makes the dist of each package what the sources say. Does nothing when it already is.
 *
 * @param {string} root
 */
export async function ensureBuilt(root) {
  if (isFresh(root)) return
  const onWait = (/** @type {number | undefined} */ pid) =>
    process.stderr.write(`another command (process ${pid ?? 'unknown'}) is building; waiting for it\n`)
  await withLock(join(root, '.cache', 'lock-build'), { onWait }, async () => {
    if (isFresh(root)) return
    const print = sourcesPrint(root)
    // TypeScript from here on: by now this runs on Node.js 24.
    const { buildPackage } = await import('../build.ts')
    const { buildFleet } = await import('../build-fleet.ts')
    const { buildTui } = await import('../build-tui.ts')
    const { buildWeb } = await import('../build-web.ts')
    // The others are compiled against the built library, as those who install them have it, and the fleet against the pages that it serves.
    await build('packages/fasten', () => buildPackage(root))
    await build('packages/web', () => buildWeb(root))
    await build('packages/fleet', () => buildFleet(root))
    await build('packages/tui', () => buildTui(root))
    mkdirSync(join(root, '.cache'), { recursive: true })
    writeFileSync(stampPath(root), print)
  })
}

/**
 * @param {string} home
 * @param {() => Promise<string | undefined>} make answers what is wrong
 */
async function build(home, make) {
  const progress = startProgress(`building ${home}/dist`)
  const problems = await make()
  if (problems !== undefined) {
    progress.failed()
    throw new SetupFailure(
      `${home} does not build`,
      'mend what the compiler names above',
      problems.split('\n'),
    )
  }
  progress.done()
}

const stampPath = (/** @type {string} */ root) => join(root, '.cache', 'built')

/** @param {string} root */
function isFresh(root) {
  return (
    existsSync(join(root, 'packages/fasten/dist/cli/main.js')) &&
    existsSync(join(root, 'packages/web/dist/page/index.html')) &&
    existsSync(join(root, 'packages/fleet/dist/cli/main.js')) &&
    existsSync(join(root, 'packages/tui/dist/cli/main.js')) &&
    existsSync(stampPath(root)) &&
    readFileSync(stampPath(root), 'utf8') === sourcesPrint(root)
  )
}

/**
 * Hash over everything the build reads: names and bytes of the sources (tests aside), the compiler's settings, the build
 * itself and the lockfile, which fixes the compiler and what is bundled.
 *
 * @param {string} root
 */
function sourcesPrint(root) {
  const files = [
    'packages/fasten/src',
    'packages/web/src',
    'packages/web/page',
    'packages/fleet/src',
    'packages/tui/src',
  ].flatMap((source) =>
    readdirSync(join(root, source), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && !/\.(test|torture|test-d)\.ts$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  )
  const settings = [
    'packages/fasten/package.json',
    'packages/fasten/tsconfig.build.json',
    'packages/web/package.json',
    'packages/web/tsconfig.build.json',
    'packages/web/vite.config.ts',
    'packages/fleet/package.json',
    'packages/fleet/tsconfig.build.json',
    'packages/tui/package.json',
    'tsconfig.base.json',
    'tools/build.ts',
    'tools/build-fleet.ts',
    'tools/build-tui.ts',
    'tools/build-web.ts',
    'package-lock.json',
  ].map((path) => join(root, path))
  const hash = createHash('sha256')
  for (const file of [...settings, ...files.toSorted()])
    hash.update(`${file}\0`).update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}
