// SPDX-License-Identifier: Apache-2.0
/**
 * Writes docs/reference from spec/ and from the code itself, and the code that README.md shows from the file that is tested, so that
 * what the pages say is what is there. With `--check`
 * it writes nothing and ends with status 1 when a page is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { openapi } from '../packages/fasten/src/reader/openapi.ts'
import { cliPage } from './reference/cli-page.ts'
import { embeddedCode } from './reference/embedded-code.ts'
import { foldPieces, waitingPieces } from './reference/error-pieces.ts'
import { envPage, fleetEnvPage } from './reference/env-page.ts'
import { errorsPage } from './reference/errors-page.ts'
import { exportsPage } from './reference/exports-page.ts'
import { fleetApiPage } from './reference/fleet-api-page.ts'
import { readerPage } from './reference/reader-page.ts'
import { tuiPage } from './reference/tui-page.ts'
import { root } from './setup/root.mjs'
import { readTree, type Tree } from './tidy/tree.ts'

/** Every generated page: its path, and how it is made. */
const pages: Readonly<Record<string, (tree: Tree) => string | Promise<string>>> = {
  'docs/reference/env.md': envPage,
  'docs/reference/fleet-env.md': fleetEnvPage,
  'docs/reference/fleet-api.md': fleetApiPage,
  'docs/reference/errors.md': errorsPage,
  'docs/reference/exports.md': exportsPage,
  'docs/reference/cli.md': cliPage,
  'docs/reference/reader.md': readerPage,
  'spec/reader.openapi.json': () => `${JSON.stringify(openapi(), null, 2)}\n`,
  // Shipped as it is.
  'packages/fasten/verify.mjs': (tree) => tree.get('spec/verify.mjs') ?? '',
  // Written by hand but for the code they show.
  'README.md': (tree) => embeddedCode(tree.get('README.md') ?? '', tree),
  'packages/fasten/README.md': (tree) => embeddedCode(tree.get('packages/fasten/README.md') ?? '', tree),
  'docs/guides/tui.md': tuiPage,
  'docs/guides/fleet-red.md': (tree) => embeddedCode(tree.get('docs/guides/fleet-red.md') ?? '', tree),
}

const isCheck = process.argv.includes('--check')
const pieces = waitingPieces(root)
if (pieces.length > 0) {
  if (isCheck) {
    process.exitCode = 1
    console.log(`${pieces.map((name) => `spec/errors.d/${name}`).join(', ')} waits: run \`npm run generate\``)
  } else {
    foldPieces(root)
    console.log('wrote spec/errors.yaml')
  }
}
const tree = readTree(root)
for (const [path, make] of Object.entries(pages)) {
  const text = await make(tree)
  if (text === textOf(path)) continue
  if (isCheck) {
    process.exitCode = 1
    console.log(`${path} is stale: run \`npm run generate\` and commit it`)
    continue
  }
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(`wrote ${path}`)
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
