// SPDX-License-Identifier: Apache-2.0
import { readFileSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { readJson } from '../../core/read-json.ts'

/**
 * Answers which of these specifiers a file is, by its path alone: however somebody came to load it (by its name, an alias, a link, a path, from another
 * package), and whichever version or copy it belongs to. Undefined for any other file. Reads each package.json once.
 */
export function createEntryFinder(specifiers: Iterable<string>): (path: string) => string | undefined {
  const byPackage = Map.groupBy(specifiers, packageOf)
  const entries = new Map<string, ReadonlyMap<string, string> | undefined>()
  const roots = new Map<string, string | undefined>()

  return (path) => {
    const root =
      /^.*[\\/]node_modules[\\/](?:@[^\\/]+[\\/])?[^\\/]+/s.exec(path)?.[0] ?? linkedRoot(dirname(path))
    if (root === undefined) return undefined
    if (!entries.has(root)) entries.set(root, entriesIn(root))
    return entries.get(root)?.get(path)
  }

  function entriesIn(root: string): ReadonlyMap<string, string> | undefined {
    const manifest = readManifest(root)
    const known = byPackage.get(String(manifest?.name))
    return manifest === undefined || known === undefined ? undefined : entriesOf(root, manifest, known)
  }

  /** A package that is developed elsewhere and linked to lies in no node_modules. */
  function linkedRoot(folder: string): string | undefined {
    if (!roots.has(folder)) {
      const parent = dirname(folder)
      const isRoot = readManifest(folder)?.name !== undefined
      roots.set(folder, isRoot ? folder : parent === folder ? undefined : linkedRoot(parent))
    }
    return roots.get(folder)
  }
}

interface Manifest {
  readonly name?: unknown
  readonly main?: unknown
  readonly module?: unknown
  readonly exports?: unknown
}

function readManifest(folder: string): Manifest | undefined {
  try {
    const manifest: unknown = readJson(readFileSync(join(folder, 'package.json'), 'utf8'))
    return typeof manifest === 'object' && manifest !== null ? manifest : undefined
  } catch {
    // None there, or none that could name a package.
    return undefined
  }
}

/** Every file that one of the specifiers may mean, under whatever condition: for `import`, for `require`, for bundlers. */
function entriesOf(
  root: string,
  manifest: Manifest,
  specifiers: readonly string[],
): ReadonlyMap<string, string> {
  const name = String(manifest.name)
  return new Map(
    specifiers.flatMap((specifier) =>
      filesOf(root, manifest, `.${specifier.slice(name.length)}`).map(
        (file) => [join(root, file), specifier] as const,
      ),
    ),
  )
}

function filesOf(root: string, { exports, main, module }: Manifest, subpath: string): readonly string[] {
  if (exports !== undefined && exports !== null) return exported(exports, subpath)
  const named = subpath === '.' ? [main, module, 'index.js'] : [subpath]
  const isFile = (file: string): boolean =>
    statSync(join(root, file), { throwIfNoEntry: false })?.isFile() === true
  return named
    .filter((file) => typeof file === 'string')
    .flatMap((file) => [file, `${file}.js`, `${file}.cjs`, join(file, 'index.js')].find(isFile) ?? [])
}

function exported(exports: unknown, subpath: string): readonly string[] {
  const isMap =
    typeof exports === 'object' && exports !== null && Object.keys(exports).some((key) => key.startsWith('.'))
  const map = (isMap ? exports : { '.': exports }) as Readonly<Record<string, unknown>>
  if (Object.hasOwn(map, subpath)) return leaves(map[subpath])
  for (const pattern of Object.keys(map).toSorted((a, b) => b.length - a.length)) {
    const [before = '', after] = pattern.split('*')
    if (after === undefined || !subpath.startsWith(before) || !subpath.endsWith(after)) continue
    const middle = subpath.slice(before.length, subpath.length - after.length)
    return leaves(map[pattern]).map((file) => file.replaceAll('*', middle))
  }
  return []
}

const leaves = (target: unknown): readonly string[] =>
  typeof target === 'string'
    ? [target]
    : typeof target === 'object' && target !== null
      ? Object.values(target).flatMap(leaves)
      : []

const packageOf = (specifier: string): string =>
  specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
