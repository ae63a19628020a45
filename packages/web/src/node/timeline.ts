// SPDX-License-Identifier: Apache-2.0
import { FastenError, readJson, type AuditRow } from 'fasten/core'
import type { Page, Reader, ReaderRow } from 'fasten/reader'

/** Where a row names somebody or something. */
const parts = ['actor', 'on_behalf_of', 'target'] as const
type Part = (typeof parts)[number]

export interface Timeline {
  readonly rows: readonly { readonly as: readonly Part[]; readonly row: ReaderRow<AuditRow> }[]
  readonly next_cursor: string | null
}

/**
 * The audit rows in which something acted, was acted for, or was acted upon, the newest first, about `limit` of them: rows of one moment are never
 * parted. Rows spell it `kind:id`, or `id` with the kind beside it. The reader is asked for each part and spelling, and the answers are merged.
 * Throws FastenError `BAD_CURSOR`.
 */
export async function readTimeline(
  reader: Reader,
  {
    kind,
    id,
    cursor,
    limit = 100,
  }: { kind: string; id: string; cursor?: string | undefined; limit?: number },
): Promise<Timeline> {
  const asked = parts.flatMap((part) => [`${kind}:${id}`, id].map((name) => ({ [part]: name })))
  const places = cursor === undefined ? asked.map((): Place => ['', 0]) : placesIn(cursor, asked.length)
  const lists = asked.map((filter, index) => follow(reader, filter, places[index] ?? null))
  const rows: { as: readonly Part[]; row: ReaderRow<AuditRow> }[] = []
  while (rows.length < limit) {
    const heads = await Promise.all(lists.map((list) => list.head()))
    const newest = heads.reduce(
      (latest, row) => (row !== undefined && row.timestamp > latest ? row.timestamp : latest),
      '',
    )
    if (newest === '') return { rows, next_cursor: null }
    // A row that names it twice is on two lists.
    const moment = new Map<string, ReaderRow<AuditRow>>()
    for (const list of lists)
      for (let row = await list.head(); row?.timestamp === newest; row = await list.head()) {
        moment.set(row.id, row)
        list.take()
      }
    for (const row of moment.values()) {
      const as = parts.filter((part) => isIn(row, part, kind, id))
      if (as.length > 0) rows.push({ as, row })
    }
  }
  const next = JSON.stringify(lists.map((list) => list.place()))
  return { rows, next_cursor: Buffer.from(next).toString('base64url') }
}

/** How far one list has been read: the cursor of a page, empty for the first, and how many of its rows were taken. Null at the end. */
type Place = readonly [page: string, taken: number] | null

interface List {
  /** The next row; undefined at the end. */
  head(): Promise<ReaderRow<AuditRow> | undefined>
  take(): void
  place(): Place
}

function follow(reader: Reader, filter: Readonly<Record<string, string>>, from: Place): List {
  let place = from
  let held: Page | undefined
  return {
    async head() {
      while (place !== null) {
        const [cursor, taken] = place
        const about = { stream: 'audit', filter, limit: pageRows, total: 'none' } as const
        held ??= await reader.page(cursor === '' ? about : { ...about, cursor })
        const row = held.rows[taken]
        if (row !== undefined) return row as ReaderRow<AuditRow>
        place = held.next_cursor === null ? null : [held.next_cursor, 0]
        held = undefined
      }
      return undefined
    },
    take() {
      if (place !== null) place = [place[0], place[1] + 1]
    },
    place: () => place,
  }
}

const pageRows = 100

function isIn(row: AuditRow, part: Part, kind: string, id: string): boolean {
  const name = row[part]
  if (name === `${kind}:${id}`) return true
  if (name !== id) return false
  if (part === 'actor') return row.actor_kind === kind
  // Rows do not say of what kind the one is for whom somebody acted.
  // What a row says no kind of is a target, and found as one.
  return part === 'on_behalf_of' || (row.target_kind ?? 'target') === kind
}

function placesIn(cursor: string, count: number): readonly Place[] {
  const places = parsed(Buffer.from(cursor, 'base64url').toString())
  if (Array.isArray(places) && places.length === count && places.every(isPlace)) return places
  throw new FastenError('BAD_CURSOR', 'this cursor is none of a timeline')
}

const isPlace = (value: unknown): value is Place =>
  value === null ||
  (Array.isArray(value) &&
    value.length === 2 &&
    typeof value[0] === 'string' &&
    Number.isSafeInteger(value[1]) &&
    Number(value[1]) >= 0)

function parsed(text: string): unknown {
  try {
    return readJson(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
