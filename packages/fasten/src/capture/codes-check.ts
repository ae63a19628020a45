// SPDX-License-Identifier: Apache-2.0
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import {
  createCodeRegistry,
  type CodeMeta,
  type CodeRegistry,
  type DetailSchema,
  type MemberSchema,
} from '../core/code.ts'
import { didYouMean } from '../core/nearest-word.ts'
import { soundsPersonal } from '../core/personal-signs.ts'
import { readCatalogue, type CatalogueFile, type CatalogueProblem } from './catalogue-file.ts'
import { codeUsages } from './code-usages.ts'
import { openCatalogues, problemsOf } from './codes.ts'

export interface OpenedCatalogue {
  /** Codes by name; of a catalogue with problems, those that are right. */
  readonly codes: ReadonlyMap<string, CodeMeta>
  readonly files: readonly string[]
  readonly problems: readonly CatalogueProblem[]
  /** Where a code is defined; undefined when a program registered it. */
  placeOf(code: string): { readonly file: string; readonly line: number; readonly column: number } | undefined
}

/**
 * The catalogue that some paths, folders and patterns mean, on its own or on top of a `registry` that a program has filled. Never throws for
 * what is in the files: `problems` says it.
 */
export function openCatalogue(
  patterns: readonly string[],
  folder: string,
  registry: CodeRegistry = createCodeRegistry(),
): OpenedCatalogue {
  const { catalogues, problems } = openCatalogues(patterns, folder, readCatalogue)
  const all = [...problems, ...problemsOf(catalogues, registry)]
  const isSound = (set: CatalogueFile['set']): boolean => registry.problemsIn([set]).length === 0
  registry.replaceAll(
    all.length === 0
      ? catalogues.map(({ set }) => set)
      : firstOfEach(catalogues.map(({ set }) => set).filter(isSound)),
  )
  return {
    codes: new Map(registry.codes().map((code) => [code, registry.metaOf(code) as CodeMeta])),
    files: catalogues.map(({ file }) => file),
    problems: all,
    placeOf(code) {
      const home = catalogues.find(({ set }) => Object.hasOwn(set.codes, code))
      return home === undefined ? undefined : { file: home.file, ...home.placeOf(code, []) }
    },
  }
}

/** Of sets that contradict each other, the first word counts. */
function firstOfEach(sets: readonly CatalogueFile['set'][]): CatalogueFile['set'][] {
  const seen = new Set<string>()
  return sets.map(({ domain, codes }) => ({
    domain,
    codes: Object.fromEntries(Object.entries(codes).filter(([code]) => !seen.has(code) && seen.add(code))),
  }))
}

/** A code and a place that speaks of it. */
export interface CodeFinding {
  readonly kind:
    | 'unknown'
    | 'unused'
    | 'used_though_declared_unused'
    | 'passthrough_without_pii'
    | 'undeclared_personal'
    | 'no_description'
  readonly code: string
  readonly file: string
  readonly line: number
  readonly column: number
  readonly message: string
  /** An error fails the check, a warning does not. */
  readonly weight: 'error' | 'warning'
}

export interface CheckReport {
  readonly files: readonly string[]
  readonly codes: number
  /** Source files that were searched for codes. */
  readonly sources: number
  readonly problems: readonly CatalogueProblem[]
  /** Errors first, then in order of file and line. */
  readonly findings: readonly CodeFinding[]
  /** True when there is neither a problem nor a finding that is an error. `fasten codes check` exits 1 otherwise. */
  readonly isSound: boolean
}

/**
 * Whether a catalogue is valid and agrees with the source code that emits: codes that are emitted and not defined (an error), defined and
 * nowhere named (a warning), named though declared unused (a warning). `sources` are files and folders of JavaScript
 * and TypeScript; without any only the catalogue itself is judged.
 */
export function checkCodes(
  catalogue: OpenedCatalogue,
  sources: readonly string[],
  folder: string,
): CheckReport {
  const findings: CodeFinding[] = []
  const here = (code: string): { file: string; line: number; column: number } =>
    catalogue.placeOf(code) ?? { file: '', line: 0, column: 0 }
  const files = sources.flatMap((source) => sourceFiles(resolve(folder, source)))
  const named = new Set<string>()
  const known = [...catalogue.codes.keys()]
  const builtin = createCodeRegistry()
  for (const file of files) {
    for (const { code, isEmitted, line, column } of codeUsages(readFileSync(file, 'utf8'))) {
      named.add(code)
      if (!isEmitted || catalogue.codes.has(code) || builtin.has(code)) continue
      const message = `${code} is emitted here but not defined${didYouMean(code, known)}`
      findings.push({ kind: 'unknown', code, file, line, column, message, weight: 'error' })
    }
  }
  for (const [code, meta] of catalogue.codes) {
    const warn = (kind: CodeFinding['kind'], message: string): void =>
      void findings.push({ kind, code, ...here(code), message, weight: 'warning' })
    if (files.length > 0 && !named.has(code) && !meta.declared_unused) {
      warn(
        'unused',
        `${code} is named nowhere in the sources; emit it, remove it, or say declared_unused: true`,
      )
    }
    if (named.has(code) && meta.declared_unused) {
      warn(
        'used_though_declared_unused',
        `${code} is named in the sources although it says declared_unused: true`,
      )
    }
    if (meta.detail_passthrough_keys.length > 0 && !meta.pii_in_detail) {
      warn(
        'passthrough_without_pii',
        `${code} has detail_passthrough_keys but not pii_in_detail: true, so they change nothing`,
      )
    }
    for (const member of undeclaredMembers(meta))
      warn(
        'undeclared_personal',
        `${code} has the member ${member}, which sounds personal and is not declared in pii; declare it, or rename it`,
      )
    if (meta.description === '')
      warn('no_description', `${code} has no description; a reader of the audit trail will ask for one`)
  }
  findings.sort(
    (a, b) =>
      a.weight.localeCompare(b.weight) || (a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line),
  )
  const isSound = catalogue.problems.length === 0 && findings.every(({ weight }) => weight !== 'error')
  return {
    files: catalogue.files,
    codes: catalogue.codes.size,
    sources: files.length,
    problems: catalogue.problems,
    findings,
    isSound,
  }
}

/** Members of a detail whose names sound personal and that nothing declares. */
function undeclaredMembers({
  detail,
  pii,
  pii_in_detail,
  detail_passthrough_keys,
}: CodeMeta): readonly string[] {
  const found: string[] = []
  const look = (schema: DetailSchema | MemberSchema, path: string): void => {
    if (typeof schema === 'string') return
    for (const [name, member] of Object.entries(schema.properties ?? {})) {
      const at = `${path}.${name}`
      const isTop = path === 'detail'
      const isDeclared = pii.some((pointer) => at === pointer || at.startsWith(`${pointer}.`))
      if (isDeclared || (pii_in_detail && isTop && !detail_passthrough_keys.includes(name))) continue
      // An object is named for what is in it, and that is looked at.
      if (soundsPersonal(name) && !hasMembers(member)) found.push(at)
      look(member, at)
    }
    if ('items' in schema && schema.items !== undefined) look(schema.items, path)
  }
  if (detail !== undefined) look(detail, 'detail')
  return found
}

const hasMembers = (schema: MemberSchema): boolean =>
  typeof schema === 'object' && (schema.properties !== undefined || schema.items !== undefined)

const sourceName = /\.(?:[cm]?[jt]s|[jt]sx)$/
const notSource = /\.d\.[cm]?ts$/

function sourceFiles(path: string): string[] {
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isDirectory()) {
        const isForeign = entry.name === 'node_modules' || entry.name === 'dist' || entry.name.startsWith('.')
        return isForeign ? [] : sourceFiles(join(path, entry.name))
      }
      return entry.isFile() && sourceName.test(entry.name) && !notSource.test(entry.name)
        ? [join(path, entry.name)]
        : []
    })
    .sort()
}
