// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { relative } from 'node:path'
import type { CodeMetaInput, CodeProblemKind, CodeRegistry, LocatedProblem } from '../core/code.ts'
import { FastenError } from '../core/error.ts'
import type { CatalogueFile, CatalogueProblem } from './catalogue-file.ts'
import { cataloguePaths } from './catalogue-paths.ts'
import type { DetailFrom } from './detail-type.ts'

export interface LoadedCodes {
  /** Absolute paths of all files now in force, in order. */
  readonly files: readonly string[]
  /** Codes they define. */
  readonly codes: number
}

export interface CodeFiles {
  /**
   * Adds the codes of files to the registry. Takes paths, folders and patterns (`codes/*.codes.yaml`), relative to the working directory.
   * A file that is loaded already is read anew. All or nothing: when anything is wrong the catalogue in force stays.
   *
   * Throws `FastenError` `CATALOG_BACKEND` (nothing there, unreadable), `CATALOG_BAD_JSON` (not YAML), `CATALOG_INVALID_KEY`,
   * `CATALOG_INVALID_VALUE`, `CATALOG_ID_MISMATCH`, `CATALOG_DOMAIN_MISMATCH`, `CATALOG_DUPLICATE_CODE`; `at` is
   * `file:line:column` of the first problem, the message names the key and what is allowed, and says how many more there are.
   */
  load(patterns: string | readonly string[]): Promise<LoadedCodes>
  /** The same, blocking. */
  loadSync(patterns: string | readonly string[]): LoadedCodes
  /**
   * Reads everything that was loaded once more: changed codes change, vanished codes go, those given to `register` stay. Patterns are
   * looked up again. Does nothing when nothing was loaded. Throws as `load` does, with the old catalogue still in force.
   */
  reload(): Promise<LoadedCodes>
}

/** The catalogue files of one registry. The YAML parser is loaded with the first file. */
export function createCodeFiles(registry: CodeRegistry, folder: string = process.cwd()): CodeFiles {
  const patterns = new Set<string>()

  function loadAll(wanted: ReadonlySet<string>, { readCatalogue }: Reader): LoadedCodes {
    const { catalogues, problems } = openCatalogues([...wanted], folder, readCatalogue)
    const all = [...problems, ...problemsOf(catalogues, registry)]
    if (all.length > 0) throw catalogueError(all, folder)
    registry.replaceAll(catalogues.map(({ set }) => set))
    for (const pattern of wanted) patterns.add(pattern)
    return {
      files: catalogues.map(({ file }) => file),
      codes: catalogues.reduce((sum, { set }) => sum + Object.keys(set.codes).length, 0),
    }
  }

  return {
    load: async (added) => loadAll(joined(patterns, added), await import('./catalogue-file.ts')),
    loadSync: (added) => loadAll(joined(patterns, added), requireReader()),
    reload: async () =>
      patterns.size === 0 ? { files: [], codes: 0 } : loadAll(patterns, await import('./catalogue-file.ts')),
  }
}

type Reader = typeof import('./catalogue-file.ts')

function requireReader(): Reader {
  // The same module that `import()` would answer, without a turn of the event loop in between.
  const name = import.meta.url.endsWith('.ts') ? './catalogue-file.ts' : './catalogue-file.js'
  return createRequire(import.meta.url)(name) as Reader
}

function joined(loaded: ReadonlySet<string>, added: string | readonly string[]): ReadonlySet<string> {
  const list = typeof added === 'string' ? [added] : added
  if (!Array.isArray(list) || list.some((pattern) => typeof pattern !== 'string' || pattern === '')) {
    throw new TypeError('codes.load() takes a path or pattern, or a list of them')
  }
  return new Set([...loaded, ...(list as readonly string[])])
}

/** Every file that the patterns mean, read; each file once, however many patterns mean it. */
export function openCatalogues(
  patterns: readonly string[],
  folder: string,
  read: Reader['readCatalogue'],
): { readonly catalogues: readonly CatalogueFile[]; readonly problems: readonly CatalogueProblem[] } {
  const catalogues = new Map<string, CatalogueFile>()
  const problems: CatalogueProblem[] = []
  const seen = new Set<string>()
  for (const pattern of patterns) {
    const files = cataloguePaths(pattern, folder)
    if (files.length === 0) {
      problems.push({
        code: 'CATALOG_BACKEND',
        file: pattern,
        line: 0,
        column: 0,
        message: `no catalogue file matches "${pattern}"`,
      })
    }
    for (const file of files) {
      if (seen.has(file)) continue
      seen.add(file)
      const text = textOf(file)
      const reading = typeof text === 'string' ? read(file, text) : text
      if (reading.kind === 'read') catalogues.set(file, reading.catalogue)
      else problems.push(...reading.problems)
    }
  }
  return { catalogues: [...catalogues.values()], problems }
}

function textOf(
  file: string,
): string | { readonly kind: 'unreadable'; readonly problems: readonly CatalogueProblem[] } {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return {
      kind: 'unreadable',
      problems: [
        { code: 'CATALOG_BACKEND', file, line: 0, column: 0, message: `cannot be read: ${message}` },
      ],
    }
  }
}

/** What the registry has against these catalogues, each problem with its place in its file. */
export function problemsOf(
  catalogues: readonly CatalogueFile[],
  registry: CodeRegistry,
): readonly CatalogueProblem[] {
  return registry
    .problemsIn(catalogues.map(({ set }) => set))
    .flatMap((problem) => located(problem, catalogues))
}

function located(
  { set, code, kind, path, message }: LocatedProblem,
  catalogues: readonly CatalogueFile[],
): CatalogueProblem[] {
  const catalogue = catalogues[set]
  if (catalogue === undefined) return []
  const place = catalogue.placeOf(code, path, kind === 'INVALID_KEY' ? 'key' : 'value')
  const subject = code === undefined ? '' : `${code}: `
  return [{ code: errorCodes[kind], file: catalogue.file, ...place, message: `${subject}${message}` }]
}

/** The published SDKs' names of these mistakes, as codes of ours. */
const errorCodes: Readonly<Record<CodeProblemKind, string>> = {
  INVALID_KEY: 'CATALOG_INVALID_KEY',
  INVALID_VALUE: 'CATALOG_INVALID_VALUE',
  ID_MISMATCH: 'CATALOG_ID_MISMATCH',
  DOMAIN_MISMATCH: 'CATALOG_DOMAIN_MISMATCH',
  DUPLICATE_CODE: 'CATALOG_DUPLICATE_CODE',
}

/** The first of some problems as an error; `at` tells file, line and column. */
function catalogueError(problems: readonly CatalogueProblem[], folder: string): FastenError {
  const [first] = problems
  if (first === undefined) return new FastenError('CATALOG_BACKEND', 'no problem was given')
  const more =
    problems.length > 1 ? ` (and ${problems.length - 1} more; \`fasten codes check\` lists all)` : ''
  return new FastenError(first.code, `${first.message}${more}`, { at: placeText(first, folder) })
}

/** `codes/billing.codes.yaml:12:5`, relative to `folder` when inside it. */
export function placeText({ file, line, column }: CatalogueProblem, folder: string): string {
  const near = relative(folder, file)
  const shown = near === '' || near.startsWith('..') ? file : near
  return line === 0 ? shown : `${shown}:${line}:${column}`
}

/** Codes of one domain with their types. */
export interface CodeHandle<D extends string, T extends Readonly<Record<string, CodeMetaInput>>> {
  readonly domain: D
  readonly codes: T
  /** Each code under its own name: `billing.names.INVOICE_PAID`. */
  readonly names: { readonly [C in keyof T & string]: C }
  /** Registers them: `billing.register(fasten)`, or with a registry of your own. */
  register(target: { register(domain: string, codes: Readonly<Record<string, CodeMetaInput>>): void }): void
}

/** The names of a handle's codes, as a union. */
export type CodeNamesOf<H> = H extends CodeHandle<string, infer T> ? keyof T & string : never

/** What merges into `RegisteredCodes`: each code with the type of its detail. */
export type CodesOf<H> =
  H extends CodeHandle<string, infer T>
    ? {
        readonly [C in keyof T]: T[C] extends { readonly detail: infer S }
          ? { readonly detail: DetailFrom<S> }
          : object
      }
    : never

/**
 * Codes written in TypeScript. Nothing is registered until `register` is called; the types are there at once:
 *
 * ```ts
 * export const billing = defineCodes('billing', {
 *   INVOICE_PAID: { severity: 'info', detail: { required: ['amount'], properties: { amount: 'number' } } },
 * })
 * declare module 'fasten' {
 *   interface RegisteredCodes extends CodesOf<typeof billing> {}
 * }
 * billing.register(fasten)
 * ```
 */
export function defineCodes<const D extends string, const T extends Readonly<Record<string, CodeMetaInput>>>(
  domain: D,
  codes: T,
): CodeHandle<D, T> {
  const names = Object.fromEntries(Object.keys(codes).map((code) => [code, code]))
  return {
    domain,
    codes,
    names: names as CodeHandle<D, T>['names'],
    register: (target) => target.register(domain, codes),
  }
}
