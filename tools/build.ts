// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import { chmodSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { build, transformSync } from 'esbuild'

/**
 * Builds packages/fasten/dist: one JavaScript file and one declaration file for each source, and the two bundled
 * libraries. Built beside dist and swapped in at the end, so a program that runs from dist never sees half of it. Answers the
 * compiler's words when the sources do not compile, undefined when all went well.
 */
export async function buildPackage(root: string): Promise<string | undefined> {
  const home = join(root, 'packages/fasten')
  const fresh = join(home, `.dist-${process.pid}`)
  const old = `${fresh}-old`
  try {
    const tsc = join(root, 'node_modules/.bin/tsc')
    const compiled = spawnSync(tsc, ['-p', join(home, 'tsconfig.build.json'), '--outDir', fresh], {
      encoding: 'utf8',
    })
    if (compiled.status !== 0) return `${compiled.stdout}${compiled.stderr}`.trim()
    slim(fresh)
    await bundleVendors(root, home, fresh)
    chmodSync(join(fresh, 'cli/main.js'), 0o755)
    swap(fresh, join(home, 'dist'), old)
    return undefined
  } finally {
    rmSync(fresh, { recursive: true, force: true })
    rmSync(old, { recursive: true, force: true })
  }
}

/**
 * Takes the comments out of the JavaScript; the docstrings stay where editors look for them, in the declarations. This is
 * what keeps the package under its 400 kB (tools/pack.test.ts) while the code stays readable in a stack trace.
 */
function slim(folder: string): void {
  for (const file of globSync('**/*.js', { cwd: folder })) {
    const path = join(folder, file)
    const { code } = transformSync(readFileSync(path, 'utf8'), {
      loader: 'js',
      format: 'esm',
      target: 'node22',
    })
    writeFileSync(path, code)
  }
}

/** Bundled into the package so that it depends on nothing; each only with the names that our sources import. */
const vendors = ['yaml', 'commander']

async function bundleVendors(root: string, home: string, fresh: string): Promise<void> {
  mkdirSync(join(fresh, 'vendor'))
  const licences: string[] = []
  for (const name of vendors) {
    const names = importedNames(home, `#${name}`)
    await build({
      stdin: { contents: `export { ${names.join(', ')} } from '${name}'`, resolveDir: home },
      outfile: join(fresh, 'vendor', `${name}.js`),
      bundle: true,
      format: 'esm',
      platform: 'node',
      // The ES module edition where a package has both; it can be shaken, the CommonJS one cannot.
      conditions: ['module', 'browser', 'import'],
      mainFields: ['module', 'main'],
      target: 'node22',
      minify: true,
      // Both libraries tell their errors apart by class name.
      keepNames: true,
      legalComments: 'none',
      logLevel: 'silent',
    })
    const folder = join(root, 'node_modules', name)
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
    licences.push(`${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`)
  }
  writeFileSync(join(fresh, 'vendor/LICENSES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`))
}

/** The value names that non-test sources import from `specifier`; types vanish in compilation. */
function importedNames(home: string, specifier: string): string[] {
  const names = new Set<string>()
  const pattern = new RegExp(`^import \\{([^}]*)\\} from '${specifier}'`, 'gm')
  for (const file of globSync('src/**/*.ts', { cwd: home })) {
    if (/\.(test|torture)\.ts$/.test(file)) continue
    for (const [, list = ''] of readFileSync(join(home, file), 'utf8').matchAll(pattern))
      for (const item of list.split(',').map((text) => text.trim()))
        if (item !== '' && !item.startsWith('type ')) names.add(item.split(/\s+as\s+/)[0] ?? item)
  }
  return [...names].toSorted()
}

function swap(fresh: string, place: string, old: string): void {
  try {
    renameSync(place, old)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
  renameSync(fresh, place)
}
