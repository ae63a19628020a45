// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, posix, relative, sep } from 'node:path'
import { build } from 'esbuild'

/**
 * Builds packages/fasten/dist: a JavaScript file for each door, the pieces they share, the declarations that the doors
 * reach, and the two bundled libraries. Built beside dist and swapped in at the end, so a program that runs from dist never sees half of it.
 * Answers the compiler's words when the sources do not compile, undefined when all went well.
 *
 * Why not one file for each source: a process that imports `fasten` would open some ninety files. Joined, the import takes
 * half the time (54 against 26 ms, 2 cores, Node.js 24.21, November 2026) and the package a third of the bytes.
 */
export async function buildPackage(root: string): Promise<string | undefined> {
  const home = join(root, 'packages/fasten')
  const fresh = join(home, `.dist-${process.pid}`)
  const types = `${fresh}-types`
  const old = `${fresh}-old`
  try {
    const tsc = join(root, 'node_modules/.bin/tsc')
    const options = ['-p', join(home, 'tsconfig.build.json'), '--emitDeclarationOnly', '--outDir', types]
    const missing = doorsOf(home).filter((name) => !existsSync(join(home, 'src', `${name}.ts`)))
    if (missing.length > 0)
      return `the exports map names ${missing.join(', ')}, which packages/fasten/src does not have`
    const compiled = spawnSync(tsc, options, { encoding: 'utf8' })
    if (compiled.status !== 0) return `${compiled.stdout}${compiled.stderr}`.trim()
    await bundleDoors(home, fresh)
    await bundleVendors(root, home, fresh)
    keepReachableTypes(home, types, fresh)
    chmodSync(join(fresh, 'cli/main.js'), 0o755)
    swap(fresh, join(home, 'dist'), old)
    return undefined
  } finally {
    for (const folder of [fresh, types, old]) rmSync(folder, { recursive: true, force: true })
  }
}

/** `capture/index`, …: the files named in the exports map, and the command. */
function doorsOf(home: string): string[] {
  const { exports, bin } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { default: string }>
    bin: Record<string, string>
  }
  const built = Object.values(exports).flatMap((door) => (typeof door === 'string' ? [] : [door.default]))
  return [...built, ...Object.values(bin)].map((path) => path.replace(/^\.\/dist\//, '').replace(/\.js$/, ''))
}

/**
 * Files that code starts by a name it computes: the drainer's thread, the catalogue reader. The bundler does not see these
 * names, so the files become entries of their own, and the names are mended in what was written.
 */
function hiddenEntriesOf(home: string): string[] {
  const pattern = /import\.meta\.url\.endsWith\('\.ts'\)\s*\?\s*'(\.\/[\w./-]+)\.ts'\s*:\s*'\1\.js'/g
  return globSync('src/**/*.ts', { cwd: home }).flatMap((file) =>
    [...readFileSync(join(home, file), 'utf8').matchAll(pattern)].map(([, name = '']) =>
      posix.join(
        dirname(file)
          .split(sep)
          .join('/')
          .replace(/^src\/?/, ''),
        name,
      ),
    ),
  )
}

async function bundleDoors(home: string, fresh: string): Promise<void> {
  const hidden = hiddenEntriesOf(home)
  const entries = [...doorsOf(home), ...hidden]
  await build({
    entryPoints: Object.fromEntries(entries.map((name) => [name, join(home, 'src', `${name}.ts`)])),
    outdir: fresh,
    chunkNames: 'parts/[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    // Frameworks and drivers are the user's; #yaml and #commander are built below.
    packages: 'external',
    external: ['#*'],
    minify: true,
    lineLimit: 160,
    legalComments: 'none',
    logLevel: 'silent',
  })
  for (const name of hidden) mendName(fresh, name)
}

function mendName(fresh: string, name: string): void {
  const written = `"./${posix.basename(name)}.js"`
  let mended = 0
  for (const file of globSync('**/*.js', { cwd: fresh })) {
    const path = join(fresh, file)
    const text = readFileSync(path, 'utf8')
    if (!text.includes(written)) continue
    const way = relative(dirname(path), join(fresh, `${name}.js`))
      .split(sep)
      .join('/')
    writeFileSync(path, text.replaceAll(written, JSON.stringify(way.startsWith('.') ? way : `./${way}`)))
    mended++
  }
  if (mended === 0)
    throw new TypeError(`no built file starts ${name}; mend hiddenEntriesOf in tools/build.ts`)
}

/**
 * The declarations that a user's compiler can reach from a door. Their imports are spelled .js, which every version of TypeScript
 * since 4.7 understands. Comments stay in a door and in the files whose names it hands on, where an editor shows them; behind those is only
 * machinery, and they go.
 */
function keepReachableTypes(home: string, types: string, fresh: string): void {
  const doors = doorsOf(home).filter((name) => name !== 'cli/main')
  const queue = doors.map((name) => ({ file: `${name}.d.ts`, hops: 0 }))
  const seen = new Set<string>()
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { file, hops } = next
    if (seen.has(file)) continue
    seen.add(file)
    const text = readFileSync(join(types, file), 'utf8')
    const spelled = text.replace(/(from |import\()(["'])(\.\.?\/[^"']+)\.ts\2/g, '$1$2$3.js$2')
    for (const [, target = ''] of spelled.matchAll(/(?:from |import\()["'](\.\.?\/[^"']+)\.js["']/g))
      queue.push({ file: `${posix.join(posix.dirname(file), target)}.d.ts`, hops: hops + 1 })
    const told = hops <= 1 ? spelled : spelled.replace(/^\s*\/\*\*[\s\S]*?\*\/\n/gm, '')
    mkdirSync(dirname(join(fresh, file)), { recursive: true })
    writeFileSync(
      join(fresh, file),
      told.replace(/^( {4})+/gm, (indent) => ' '.repeat(indent.length / 4)),
    )
  }
}

/** Bundled into the package so that it depends on nothing; each only with the names that our sources import. */
const vendors = ['yaml', 'commander']

async function bundleVendors(root: string, home: string, fresh: string): Promise<void> {
  mkdirSync(join(fresh, 'vendor'))
  const licences: string[] = []
  for (const name of vendors) {
    const names = importedNames(home, name)
    await build({
      stdin: { contents: `export { ${names.join(', ')} } from '${name}'`, resolveDir: home },
      outfile: join(fresh, 'vendor', `${name}.js`),
      bundle: true,
      format: 'esm',
      // Not 'node': that would choose the CommonJS edition of yaml, which asks for `require` and finds none in a module.
      platform: 'neutral',
      external: ['node:*'],
      // The ES module edition where a package has both; it can be shaken, the CommonJS one cannot.
      conditions: ['module', 'browser', 'import'],
      mainFields: ['module', 'main'],
      target: 'node22',
      minify: true,
      lineLimit: 160,
      // Both libraries tell their errors apart by class name.
      keepNames: true,
      legalComments: 'none',
      logLevel: 'silent',
    })
    // npm puts a version that others share at the root, and one that only we want beside us.
    const folder = [home, root]
      .map((place) => join(place, 'node_modules', name))
      .find((place) => existsSync(place))
    if (folder === undefined) throw new TypeError(`${name} is not installed`)
    const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { version: string }
    licences.push(`${name} ${version}\n\n${readFileSync(join(folder, 'LICENSE'), 'utf8').trim()}\n`)
  }
  writeFileSync(join(fresh, 'vendor/LICENSES.txt'), licences.join(`\n${'-'.repeat(80)}\n\n`))
}

/**
 * The value names that non-test sources take from a bundled library: by an import, or as members of what `await import()` gave.
 * Types vanish in compilation.
 */
function importedNames(home: string, vendor: string): string[] {
  const names = new Set<string>()
  const imports = new RegExp(
    `(?:^import|\\bconst) \\{([^}]*)\\} (?:from '#${vendor}'|= await import\\('#${vendor}'\\))`,
    'gm',
  )
  const lazy = new RegExp(`const (\\w+) = await import\\('#${vendor}'\\)`)
  for (const file of globSync('src/**/*.ts', { cwd: home })) {
    if (/\.(test|torture)\.ts$/.test(file)) continue
    const text = readFileSync(join(home, file), 'utf8')
    for (const [, list = ''] of text.matchAll(imports))
      for (const item of list.split(',').map((each) => each.trim()))
        if (item !== '' && !item.startsWith('type ')) names.add(item.split(/\s+as\s+/)[0] ?? item)
    const library = lazy.exec(text)?.[1]
    if (library !== undefined)
      for (const [, name = ''] of text.matchAll(new RegExp(`\\b${library}\\.(\\w+)`, 'g'))) names.add(name)
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
