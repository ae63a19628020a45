// SPDX-License-Identifier: Apache-2.0
import { posix } from 'node:path'
import { blank } from './blank.ts'
import type { Tree } from './tree.ts'

export interface Import {
  /** As written. */
  readonly specifier: string
  /** The file it means, when relative and inside the tree. */
  readonly target: string | undefined
  /** `type`: gone at run time. `value`: loaded with the file. `lazy`: loaded when asked for, in this thread or another. */
  readonly kind: 'type' | 'value' | 'lazy'
  readonly index: number
}

const staticImport =
  /^[ \t]*(?:import|export)\b(?<names>(?:(?!\b(?:import|export)\b)[^;'"`])*?)\bfrom\s*(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/gm
const bareImport = /^[ \t]*import\s*(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/gm
const typeImport = /\bimport\(\s*(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>\s*\)\s*(?:\.\s*[A-Z]|\[)/g
const lazyImport = /\bimport\(\s*(?<quote>['"])(?<specifier>[^'"\n]+)\k<quote>/g
/** A worker's entry, and the same chosen by a condition, since sources end in .ts and built files in .js. */
const workerEntry =
  /\b(?:new URL\(\s*|import\.meta\.url\.endsWith\('\.ts'\)\s*\?\s*)(?<quote>['"])(?<specifier>\.\.?\/[^'"\n]+\.(?:ts|mjs))\k<quote>(?=\s*(?:,\s*import\.meta\.url|:))/g

const remembered = new WeakMap<Tree, Map<string, readonly Import[]>>()

/** What a file imports, re-exports, imports lazily, or starts as a worker (`new URL('./x.ts', import.meta.url)`). */
export function importsOf(path: string, tree: Tree): readonly Import[] {
  const ofTree = remembered.get(tree) ?? new Map<string, readonly Import[]>()
  remembered.set(tree, ofTree)
  const known = ofTree.get(path)
  if (known !== undefined) return known
  const found = readImports(path, tree)
  ofTree.set(path, found)
  return found
}

function readImports(path: string, tree: Tree): readonly Import[] {
  const text = blank(tree.get(path) ?? '', ['comments'])
  const code = blank(text, ['strings'])
  const found: Import[] = []
  const add = (match: RegExpExecArray, kind: Import['kind']): void => {
    // Inside a string there is no import, only talk of one.
    const keyword = match.index + match[0].search(/\S/)
    if (code[keyword] !== text[keyword]) return
    const specifier = match.groups?.['specifier'] ?? ''
    found.push({ specifier, target: resolve(path, specifier, tree), kind, index: match.index })
  }
  for (const match of text.matchAll(staticImport))
    add(match, isTypeOnly(match.groups?.['names'] ?? '') ? 'type' : 'value')
  for (const match of text.matchAll(bareImport)) add(match, 'value')
  const types = new Set<number>()
  for (const match of text.matchAll(typeImport)) {
    types.add(match.index)
    add(match, 'type')
  }
  for (const match of text.matchAll(lazyImport)) if (!types.has(match.index)) add(match, 'lazy')
  for (const match of text.matchAll(workerEntry)) add(match, 'lazy')
  return found
}

function isTypeOnly(names: string): boolean {
  if (/^\s+type\b(?!\s*,|\s+from)/.test(names)) return true
  const list = /^\s*\{([^}]*)\}\s*$/.exec(names)?.[1]
  const items =
    list
      ?.split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '') ?? []
  return items.length > 0 && items.every((item) => item.startsWith('type '))
}

function resolve(from: string, specifier: string, tree: Tree): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  const path = posix.join(posix.dirname(from), specifier)
  return tree.has(path) ? path : undefined
}
