// SPDX-License-Identifier: Apache-2.0
import { csvHeader, csvLine } from './csv.ts'
import type { Page, PageQuery, Reader, ReaderRow } from './reader.ts'

export type ExportFormat = 'ndjson' | 'csv'

export const exportTypes: Readonly<Record<ExportFormat, string>> = {
  ndjson: 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
}

/** Rows read at a time. */
const batchRows = 500

/**
 * All rows that `query` selects, as text in batches. A consistent snapshot: the pages continue one cursor, which leaves
 * out whatever is stored after the first. `rowsMax` bounds it. Errors of the first page are thrown before anything is yielded.
 */
export async function* exportText(
  reader: Reader,
  query: Omit<PageQuery, 'limit' | 'cursor' | 'total'>,
  format: ExportFormat,
  rowsMax: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let left = rowsMax
  let cursor: string | null = null
  let isFirst = true
  do {
    const limit = Math.min(batchRows, left)
    const page: Page = await reader.page(
      { ...query, limit, total: 'none', ...(cursor === null ? {} : { cursor }) },
      signal,
    )
    const lines = page.rows.map((row) => exportLine(row, query, format)).join('')
    yield isFirst && format === 'csv' ? csvHeader(query.stream) + lines : lines
    isFirst = false
    left -= page.rows.length
    cursor = page.next_cursor
  } while (cursor !== null && left > 0)
}

/**
 * The text as a body. It is pulled as the client takes it, and an error midway breaks the connection off instead of ending
 * it: a file that came down whole is whole.
 */
export function textStream(
  texts: AsyncIterator<string>,
  firstText: string | undefined,
  onEnd: () => void,
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder()
  let ready = firstText
  return new ReadableStream<Uint8Array>(
    {
      async pull(body) {
        try {
          for (;;) {
            const text = ready ?? (await nextText(texts))
            ready = undefined
            if (text === undefined) {
              onEnd()
              return body.close()
            }
            // An empty chunk would count as no answer to the pull.
            if (text !== '') return body.enqueue(encoder.encode(text))
          }
        } catch (error) {
          onEnd()
          body.error(error)
        }
      },
      async cancel() {
        onEnd()
        await texts.return?.()
      },
    },
    { highWaterMark: 1 },
  )
}

async function nextText(texts: AsyncIterator<string>): Promise<string | undefined> {
  const { done, value } = await texts.next()
  return done === true ? undefined : value
}

function exportLine(
  row: ReaderRow,
  { stream }: { readonly stream: PageQuery['stream'] },
  format: ExportFormat,
): string {
  return format === 'csv' ? csvLine(row, stream) : `${JSON.stringify(row)}\n`
}
