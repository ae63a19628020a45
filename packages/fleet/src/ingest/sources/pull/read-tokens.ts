// SPDX-License-Identifier: Apache-2.0
import { readLegacyRow, type JsonObject, type JsonValue, type LegacyRow } from 'fasten/core'
import { PullError } from './pull-error.ts'

/** A JSON object whose numbers are still as they were written, which the hash of a row may depend on. */
export type Tokens = LegacyRow
export type Token = Tokens extends ReadonlyMap<string, infer T> ? T : never

/** Throws PullError `BAD_ANSWER` for a text that is not one JSON object. */
export function readTokens(text: string): Tokens {
  try {
    return readLegacyRow(text)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new PullError('BAD_ANSWER', 'the answer is no JSON object')
  }
}

export const isTokens = (value: Token | undefined): value is Tokens => value instanceof Map

/** The value with its numbers as numbers; a whole number that a number cannot hold stays text. */
export function plain(value: Token): JsonValue {
  if (typeof value !== 'object' || value === null) return value
  if (isTokens(value)) return plainObject(value)
  if (!('token' in value)) return value.map(plain)
  const number = Number(value.token)
  const isWhole = /^-?\d+$/.test(value.token)
  return Number.isFinite(number) && (!isWhole || Number.isSafeInteger(number)) ? number : value.token
}

export function plainObject(tokens: Tokens): JsonObject {
  const members: Record<string, JsonValue> = Object.create(null) as Record<string, JsonValue>
  for (const [name, value] of tokens) members[name] = plain(value)
  return { ...members }
}

/** A member that is text; undefined for any other. */
export function textOf(tokens: Tokens, name: string): string | undefined {
  const value = tokens.get(name)
  return typeof value === 'string' && value !== '' ? value : undefined
}

export function numberOf(tokens: Tokens, name: string): number | undefined {
  const value = tokens.get(name)
  const number = typeof value === 'object' && value !== null && 'token' in value ? Number(value.token) : NaN
  return Number.isFinite(number) ? number : undefined
}

/** The rows of a page. Throws PullError `BAD_ANSWER` for one without a list of objects, or with words about why there is none. */
export function rowsIn(page: Tokens): readonly Tokens[] {
  const error = textOf(page, 'error')
  if (error !== undefined) throw new PullError('BAD_ANSWER', `it answers: ${printable(error)}`)
  const rows = page.get('rows')
  if (!Array.isArray(rows) || !rows.every((row) => isTokens(row as Token)))
    throw new PullError('BAD_ANSWER', 'the answer has no list of rows')
  return rows as readonly Tokens[]
}

/** Words of others for our own log: one short line. */
export const printable = (text: string): string => text.replaceAll(/[^\x20-\x7e]/g, '.').slice(0, 120)
