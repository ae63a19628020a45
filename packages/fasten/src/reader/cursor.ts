// SPDX-License-Identifier: Apache-2.0
import { canonicalize } from '../core/canonical.ts'
import type { Digest } from '../core/digest.ts'
import { FastenError } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'
import type { JsonObject, StreamName } from '../core/row.ts'
import type { ScanFilter } from '../store/ports.ts'

/** Where a page ended. Rows stored after the first page was asked (`snapshot`) stay out of all that follow. */
export interface PageCursor {
  readonly fingerprint: string
  readonly timestamp: string
  readonly position: number
  readonly snapshot: number
  /** The window of the first page, so that a relative `since` means the same instant on every page. */
  readonly since?: string
  readonly until?: string
}

/** Where a tail is in each of its streams; `boot` names the process whose ring the position counts in. */
export interface TailToken {
  readonly fingerprint: string
  readonly places: Readonly<
    Partial<Record<StreamName, { readonly position: number; readonly boot?: string }>>
  >
}

/**
 * A cursor is base64url of a short JSON array. Nothing in it grants anything: the filter, and with it the tenant, is
 * applied again on every page, and `fingerprint` only refuses a cursor that belongs to another question.
 */
export function encodePageCursor(cursor: PageCursor): string {
  const { fingerprint, timestamp, position, snapshot, since = null, until = null } = cursor
  return toBase64Url(JSON.stringify([pageMark, fingerprint, timestamp, position, snapshot, since, until]))
}

/** Throws FastenError `BAD_CURSOR` when `text` is none of `encodePageCursor`'s. */
export function decodePageCursor(text: string): PageCursor {
  const [mark, fingerprint, timestamp, position, snapshot, since, until] = parts(text)
  if (
    mark !== pageMark ||
    typeof fingerprint !== 'string' ||
    !isTimestamp(timestamp) ||
    !isPosition(position) ||
    !isPosition(snapshot) ||
    !isWindow(since) ||
    !isWindow(until)
  )
    throw badCursor(text)
  return {
    fingerprint,
    timestamp,
    position,
    snapshot,
    ...(since === null ? {} : { since }),
    ...(until === null ? {} : { until }),
  }
}

/** The integer that the published clients call `next_after`, of a cursor of ours; null for any other text. */
export function positionOfCursor(text: string | null): number | null {
  const [mark, , , position] = text === null ? [] : partsOrNone(text)
  return mark === pageMark && isPosition(position) ? position : null
}

/** A cursor that names only a row's store position; the local reader looks its timestamp up. */
export function encodeAfter(position: number): string {
  return toBase64Url(JSON.stringify([afterMark, position]))
}

/** The position of an `encodeAfter` cursor, or undefined. */
export function decodeAfter(text: string): number | undefined {
  const [mark, position] = partsOrNone(text)
  return mark === afterMark && isPosition(position) ? position : undefined
}

/** The window that a cursor of ours was made for, so that relative times resolve once; empty for a foreign cursor. */
export function windowOfCursor(text: string): { readonly since?: string; readonly until?: string } {
  const [mark, , , , , since, until] = partsOrNone(text)
  if (mark !== pageMark) return {}
  return { ...(isTimestamp(since) ? { since } : {}), ...(isTimestamp(until) ? { until } : {}) }
}

export function encodeTailToken(token: TailToken): string {
  const places = Object.entries(token.places).map(([stream, { position, boot = null }]) => [
    stream,
    position,
    boot,
  ])
  return toBase64Url(JSON.stringify([tailMark, token.fingerprint, places]))
}

/** Throws FastenError `BAD_CURSOR` when `text` is none of `encodeTailToken`'s. */
export function decodeTailToken(text: string): TailToken {
  const [mark, fingerprint, entries] = parts(text)
  if (mark !== tailMark || typeof fingerprint !== 'string' || !Array.isArray(entries)) throw badCursor(text)
  const places: Partial<Record<StreamName, { position: number; boot?: string }>> = {}
  for (const entry of entries as readonly unknown[]) {
    const [stream, position, boot] = Array.isArray(entry) ? (entry as readonly unknown[]) : []
    if ((stream !== 'audit' && stream !== 'sys' && stream !== 'api') || !isPosition(position))
      throw badCursor(text)
    places[stream] = { position, ...(typeof boot === 'string' ? { boot } : {}) }
  }
  return { fingerprint, places }
}

/** Sixteen hex characters that differ when the question differs. Members in any order give the same. */
export function fingerprintOf(question: readonly string[], filter: ScanFilter, digest: Digest): string {
  // What a value is looked up by follows from the value, and differs between those who have the key and those who do not.
  const { after_position: _, sealed: __, not, ...members } = filter
  const excluded = not?.map(({ sealed: ___, ...one }) => givenIn(one))
  const given = { ...givenIn(members), ...(excluded === undefined ? {} : { not: excluded }) }
  return digest(new TextEncoder().encode(canonicalize([question, given]))).slice(0, 16)
}

function givenIn(members: Omit<ScanFilter, 'not' | 'sealed'>): JsonObject {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

export function badCursor(text: string, why = 'is not one that this reader gave out'): FastenError {
  const shown = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return new FastenError('BAD_CURSOR', `cursor ${JSON.stringify(shown)} ${why}`, {
    at: 'cursor',
    hint: 'start again without a cursor, and pass next_cursor back unchanged with the same filters',
  })
}

const pageMark = 'p1'
const afterMark = 'a1'
const tailMark = 't1'

function parts(text: string): readonly unknown[] {
  const found = partsOrNone(text)
  if (found.length === 0) throw badCursor(text)
  return found
}

function partsOrNone(text: string): readonly unknown[] {
  if (!/^[A-Za-z0-9_-]{4,2048}$/.test(text)) return []
  try {
    const value: unknown = readJson(fromBase64Url(text))
    return Array.isArray(value) ? value : []
  } catch (error) {
    // atob throws a DOMException, JSON.parse a SyntaxError, TextDecoder a TypeError: all of them say "not a cursor".
    if (error instanceof Error) return []
    throw error
  }
}

const isPosition = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isTimestamp = (value: unknown): value is string =>
  typeof value === 'string' && /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/.test(value)
const isWindow = (value: unknown): value is string | null => value === null || isTimestamp(value)

function toBase64Url(text: string): string {
  const bytes = new TextEncoder().encode(text)
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

function fromBase64Url(text: string): string {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'))
  return new TextDecoder('utf-8', { fatal: true }).decode(
    Uint8Array.from(binary, (unit) => unit.charCodeAt(0)),
  )
}
