// SPDX-License-Identifier: Apache-2.0
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createCodeFiles } from 'fasten'
import { createCodeRegistry } from 'fasten/core'
import { parsePageQuery, type Page, type Reader } from 'fasten/reader'
import { knownCodes, type KnownCode } from '../serve/known-codes.ts'

/**
 * What fasten says of its own codes, the files of `patterns` of the service's, and the catalogue that comes with fasten of the rest. Throws FastenError
 * `CATALOG_…` at once for a file that is missing or wrong. The catalogue takes half a second, and is read when the book is first asked for.
 */
export function openCodeBook(patterns: readonly string[]): () => readonly KnownCode[] {
  const own = createCodeRegistry()
  if (patterns.length > 0) createCodeFiles(own).loadSync(patterns)
  let book: readonly KnownCode[] | undefined
  return () => {
    if (book !== undefined) return book
    const standard = createCodeRegistry()
    createCodeFiles(standard).loadSync(
      dirname(fileURLToPath(import.meta.resolve('fasten/catalog/agent.codes.yaml'))),
    )
    book = knownCodes({ registry: standard, from: () => 'catalogue' }, { registry: own, from: () => 'own' })
    return book
  }
}

/** How often codes were seen, as a fleet answers at `/metrics/codes`. */
export interface CodeCounts {
  /** Whether these are all audit rows of the window. */
  readonly complete: boolean
  /** The audit rows of the window that were counted, the newest. */
  readonly rows_counted: number
  /** The most frequent first, of equal ones by name. */
  readonly groups: readonly { readonly group: Readonly<Record<string, string>>; readonly rows: number }[]
  readonly groups_left: number
}

/** A single node keeps no count, so rows are read: no more of them than somebody waits for. */
const rowsMax = 10_000

const groupings = ['code', 'outcome'] as const

/**
 * Audit rows by code, outcome or both, out of the newest 10,000 of the window. Null for what only a fleet has counted, and for a window that is none.
 * Throws what the reader throws.
 */
export async function countCodes(
  reader: Pick<Reader, 'page'>,
  search: URLSearchParams,
  nowMicros: number,
): Promise<CodeCounts | null> {
  const { since, until, group_by: by = 'code', limit = '500', ...others } = Object.fromEntries(search)
  const names = groupings.filter((name) => by.split(',').includes(name))
  if (Object.keys(others).length > 0 || names.join() !== by) return null
  const asked = new URLSearchParams({ limit: '1000', total: 'none' })
  if (since !== undefined) asked.set('since', since)
  if (until !== undefined) asked.set('until', until)
  const query = parsePageQuery(asked, 'audit', nowMicros)
  if (!query.ok) return null
  const counts = new Map<string, { group: Readonly<Record<string, string>>; rows: number }>()
  let rowsCounted = 0
  let cursor: string | null = ''
  while (cursor !== null && rowsCounted < rowsMax) {
    const page: Page = await reader.page(cursor === '' ? query.value : { ...query.value, cursor })
    for (const row of page.rows) {
      if (row.stream !== 'audit') continue
      const group = Object.fromEntries(names.map((name) => [name, row[name]]))
      const key = JSON.stringify(group)
      const known = counts.get(key) ?? { group, rows: 0 }
      counts.set(key, { ...known, rows: known.rows + 1 })
      rowsCounted++
    }
    cursor = page.next_cursor
  }
  const groups = [...counts]
    .sort(([a, one], [b, other]) => other.rows - one.rows || (a < b ? -1 : 1))
    .map(([, group]) => group)
  const most = Math.max(1, Number(limit) || 500)
  return {
    complete: cursor === null,
    rows_counted: rowsCounted,
    groups: groups.slice(0, most),
    groups_left: Math.max(0, groups.length - most),
  }
}
