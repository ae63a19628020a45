// SPDX-License-Identifier: Apache-2.0
import { readJson } from './read-json.ts'
import type { JsonValue } from './row.ts'

/** Levels of arrays and objects inside each other; more are refused. Deep enough for any row (whose detail is cut at 32), shallow enough for any stack. */
export const nestingMax = 512

/**
 * The one text of a value under RFC 8785: members in ascending order of their names' UTF-16 code units, numbers and
 * strings as ECMAScript prints them, no whitespace.
 *
 * Throws a TypeError, naming the path, for what I-JSON cannot say: a lone surrogate, NaN or an infinity, `undefined`,
 * BigInt, symbol, function, an object with its own idea of JSON (`toJSON`), or nesting deeper than `nestingMax`.
 * Source: spec/canonical.md.
 */
export function canonicalize(value: JsonValue): string {
  // Rows are nearly always in order already; then the platform's serialiser says the same text several times faster.
  return isOrdered(value, 0) ? JSON.stringify(value) : write(value, '', 0)
}

/**
 * True when the platform's own `JSON.stringify` prints the canonical text of `value`: names ascend, none looks like an
 * array index (those are always enumerated first, in numeric order), strings are well formed and numbers finite.
 */
export function isOrdered(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return value.isWellFormed()
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object') return typeof value === 'boolean'
  if (value === null) return true
  if (depth >= nestingMax || 'toJSON' in value) return false
  if (Array.isArray(value)) {
    // Not `every`, which skips the holes of a sparse array.
    for (const item of value) if (!isOrdered(item, depth + 1)) return false
    return true
  }
  let previous: string | undefined
  for (const [name, member] of Object.entries(value)) {
    if (previous !== undefined && name <= previous) return false
    if (isIndex(name) || !name.isWellFormed() || !isOrdered(member, depth + 1)) return false
    previous = name
  }
  return true
}

/**
 * True when `text` is exactly the canonical text of the value it denotes. Finds every departure, duplicate names among
 * them, because it prints what it read and compares. For verifiers only: nothing that writes ever parses its own text.
 */
export function isCanonical(text: string): boolean {
  try {
    return canonicalize(readJson(text) as JsonValue) === text
  } catch (error) {
    // Not JSON (SyntaxError), or JSON that I-JSON forbids (TypeError): either way not canonical.
    if (error instanceof SyntaxError || error instanceof TypeError) return false
    throw error
  }
}

/** `"0"` to `"4294967294"`: a first digit decides for nearly every name that is none. */
function isIndex(name: string): boolean {
  const first = name.charCodeAt(0)
  return first >= 48 && first <= 57
}

function write(value: unknown, path: string, depth: number): string {
  if (typeof value === 'string') return quote(value, path)
  if (typeof value === 'boolean' || value === null) return String(value)
  if (typeof value === 'number' && Number.isFinite(value)) return Object.is(value, -0) ? '0' : String(value)
  if (typeof value !== 'object') throw new TypeError(`${typeof value} ${at(path)} has no canonical form`)
  if (depth >= nestingMax) throw new TypeError(`nesting ${at(path)} is deeper than ${nestingMax}`)
  if ('toJSON' in value) throw new TypeError(`an object with toJSON ${at(path)} has no canonical form`)
  if (Array.isArray(value)) {
    return `[${Array.from(value, (item, index) => write(item, `${path}/${index}`, depth + 1)).join(',')}]`
  }
  const members = value as Readonly<Record<string, unknown>>
  const names = Object.keys(members).sort()
  return `{${names.map((name) => `${quote(name, path)}:${write(members[name], `${path}/${name}`, depth + 1)}`).join(',')}}`
}

function quote(text: string, path: string): string {
  if (!text.isWellFormed()) throw new TypeError(`a lone surrogate ${at(path)} has no canonical form`)
  return JSON.stringify(text)
}

const at = (path: string): string => (path === '' ? 'at the root' : `at ${path}`)
