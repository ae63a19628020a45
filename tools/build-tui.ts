// SPDX-License-Identifier: Apache-2.0
import { chmodSync, existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/** Of CommonJS packages that ask for parts of Node.js. */
const withRequire =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);"

/**
 * Builds packages/tui/dist: the command and the door, with React, ink and what they need inside, so that a terminal does not wait for hundreds of files to be opened; only
 * `fasten` stays outside. Built beside dist and swapped in at the end. Answers what the bundler said when it does not build, undefined when all went well.
 */
export async function buildTui(root: string): Promise<string | undefined> {
  const home = join(root, 'packages/tui')
  const fresh = join(home, `.dist-${process.pid}`)
  try {
    const made = await build({
      entryPoints: { index: join(home, 'src/index.ts'), 'cli/main': join(home, 'src/cli/main.ts') },
      outdir: fresh,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node22',
      // Whoever installs this has one copy of the library, and no developer tools of React.
      external: ['fasten/*', 'react-devtools-core'],
      define: { 'process.env.NODE_ENV': '"production"', 'process.env.DEV': '"false"' },
      minifySyntax: true,
      banner: { js: withRequire },
      legalComments: 'linked',
      logLevel: 'silent',
    }).catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
    if (typeof made === 'string') return made
    const command = join(fresh, 'cli/main.js')
    if (!readFileSync(command, 'utf8').startsWith('#!')) return 'cli/main.js lost its first line'
    chmodSync(command, 0o755)
    const place = join(home, 'dist')
    if (existsSync(place)) renameSync(place, `${fresh}-old`)
    renameSync(fresh, place)
    return undefined
  } finally {
    for (const folder of [fresh, `${fresh}-old`]) rmSync(folder, { recursive: true, force: true })
  }
}
