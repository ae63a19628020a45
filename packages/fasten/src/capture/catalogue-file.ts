// SPDX-License-Identifier: Apache-2.0
import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Document,
  type Node,
  type Pair,
} from '#yaml'
import type { CodeSet } from '../core/code.ts'
import { isRecord, quoted } from '../core/detail-schema.ts'
import { didYouMean } from '../core/nearest-word.ts'

/** One thing that is wrong with a catalogue, and where. */
export interface CatalogueProblem {
  /** A code of spec/errors.yaml, e.g. `CATALOG_INVALID_VALUE`. */
  readonly code: string
  readonly file: string
  /** From 1; 0 when the file as a whole is meant. */
  readonly line: number
  readonly column: number
  /** One sentence that names the key and says what is allowed. */
  readonly message: string
}

/** A `*.codes.yaml` file as read: one domain and its codes, not judged yet. */
export interface CatalogueFile {
  readonly file: string
  readonly set: CodeSet
  /** Where a member of a code, or its key, stands; the code's own place when `path` is empty, the domain's when `code` is undefined. */
  placeOf(
    code: string | undefined,
    path: readonly (string | number)[],
    part?: 'key' | 'value',
  ): { readonly line: number; readonly column: number }
}

export type CatalogueReading =
  | { readonly kind: 'read'; readonly catalogue: CatalogueFile }
  | { readonly kind: 'unreadable'; readonly problems: readonly CatalogueProblem[] }

const fileKeys = ['domain', 'emitter', 'description', 'codes'] as const

/**
 * Reads the text of a catalogue file (YAML 1.2, so JSON too). `file` is only named in problems. Whether the codes themselves make sense
 * is the registry's question (`problemsIn`).
 */
export function readCatalogue(file: string, text: string): CatalogueReading {
  const lines = new LineCounter()
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true })
  const problems: CatalogueProblem[] = []
  const complain = (code: string, offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset)
    problems.push({ code, file, line, column: col, message })
  }
  const unreadable = (): CatalogueReading => ({ kind: 'unreadable', problems })

  if (!Array.isArray(documents) || documents.length === 0) {
    complain('CATALOG_BAD_JSON', 0, 'the file is empty; it needs at least a domain')
    return unreadable()
  }
  const [document, second] = documents as Document.Parsed[]
  if (document === undefined) return unreadable()
  for (const { code, message, pos } of document.errors) {
    const isTwice = code === 'DUPLICATE_KEY'
    const key = isTwice ? text.slice(pos[0]).split(/[\s:,}]/, 1)[0] : ''
    complain(
      isTwice ? 'CATALOG_DUPLICATE_CODE' : 'CATALOG_BAD_JSON',
      pos[0],
      isTwice ? `"${key}" stands in this mapping twice` : lowered(message),
    )
  }
  if (second !== undefined)
    complain(
      'CATALOG_BAD_JSON',
      second.range?.[0] ?? 0,
      'a second document begins here; a catalogue file holds one domain',
    )
  if (problems.length > 0) return unreadable()

  const root = document.contents
  if (!isMap(root)) {
    complain(
      'CATALOG_INVALID_VALUE',
      root?.range?.[0] ?? 0,
      'a catalogue file is a mapping with the keys domain, emitter and codes',
    )
    return unreadable()
  }
  let content: unknown
  try {
    content = document.toJS({ maxAliasCount: 100 })
  } catch (error) {
    // Too many aliases: a file that unfolds without end.
    complain('CATALOG_BAD_JSON', 0, lowered(error instanceof Error ? error.message : String(error)))
    return unreadable()
  }
  if (!isRecord(content)) return unreadable()
  for (const { key } of root.items) {
    const name = isScalar(key) ? String(key.value) : ''
    if ((fileKeys as readonly string[]).includes(name) || name.startsWith('x-')) continue
    const hint = didYouMean(name, fileKeys)
    complain(
      'CATALOG_INVALID_KEY',
      startOf(key),
      `unknown key "${name}"${hint}; a catalogue file has ${fileKeys.join(', ')}`,
    )
  }
  const { domain, emitter, description, codes } = content
  const at = (key: string): number => startOf(pairIn(root, key)?.value ?? root)
  if (typeof domain !== 'string' || domain === '') {
    const found = domain === undefined ? 'it is missing' : `not ${quoted(domain)}`
    complain('CATALOG_INVALID_VALUE', at('domain'), `domain must be a non-empty string; ${found}`)
  }
  for (const [key, value] of [
    ['emitter', emitter],
    ['description', description],
  ] as const) {
    if (value !== undefined && value !== null && typeof value !== 'string') {
      complain('CATALOG_INVALID_VALUE', at(key), `${key} must be a string, not ${quoted(value)}`)
    }
  }
  if (codes !== undefined && codes !== null && !isRecord(codes)) {
    complain('CATALOG_INVALID_VALUE', at('codes'), `codes must be a mapping of codes, not ${quoted(codes)}`)
  }
  if (problems.length > 0) return unreadable()

  return {
    kind: 'read',
    catalogue: {
      file,
      set: { domain: domain as string, codes: withEmitter(isRecord(codes) ? codes : {}, emitter) },
      placeOf(code, path, part = 'value') {
        const offset = offsetOf(root, code === undefined ? ['domain'] : ['codes', code, ...path], part)
        const { line, col } = lines.linePos(offset)
        return { line, column: col }
      },
    },
  }
}

/** Entries take the file's emitter where they have none of their own; what is not a mapping is left for the registry to refuse. */
function withEmitter(codes: Record<string, unknown>, emitter: unknown): CodeSet['codes'] {
  const entries = Object.entries(codes).map(([code, entry]) => {
    const hasOwn = isRecord(entry)
      ? entry['emitter'] !== undefined && entry['emitter'] !== null
      : entry !== null
    return [code, hasOwn || typeof emitter !== 'string' ? entry : { ...(entry as object | null), emitter }]
  })
  return Object.fromEntries(entries) as CodeSet['codes']
}

/** Where the deepest part of `path` that is there begins; of a code, and of a value that is no scalar, its key. */
function offsetOf(root: Node, path: readonly (string | number)[], part: 'key' | 'value'): number {
  let node: unknown = root
  let offset = startOf(root)
  for (const [depth, name] of path.entries()) {
    if (isSeq(node)) {
      node = node.items[Number(name)]
      offset = startOf(node) || offset
      continue
    }
    const pair = pairIn(node, String(name))
    if (pair === undefined) break
    const isKeyMeant = part === 'key' || (depth < 2 && path.length > 1) || !isScalar(pair.value)
    offset = startOf(isKeyMeant ? pair.key : pair.value) || offset
    node = pair.value
  }
  return offset
}

/** The pair of a key, also when the file spells it in camelCase. */
function pairIn(node: unknown, name: string): Pair | undefined {
  if (!isMap(node)) return undefined
  const spelled = (key: unknown): string => (isScalar(key) ? String(key.value) : '')
  const snake = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  return (
    node.items.find(({ key }) => spelled(key) === name) ??
    node.items.find(({ key }) => snake(spelled(key)) === name)
  )
}

const startOf = (node: unknown): number =>
  typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
    ? Number(node.range[0])
    : 0

const lowered = (message: string): string => message.charAt(0).toLowerCase() + message.slice(1)
