// SPDX-License-Identifier: Apache-2.0
import { searchOfPage, type PageQuery } from 'fasten/reader/remote'
import { problemFrom } from './problem.ts'

export type ExportFormat = 'ndjson' | 'csv'

/** Rows that a page takes at most: some hundred megabytes. Who needs more asks with `fasten export`, which writes as it reads. */
export const exportRowsMax = 100_000

export interface Exported {
  readonly file: Blob
  readonly name: string
}

/**
 * The rows of a question as the server exports them, up to `limit`: one snapshot, told of in the trail. `onBytes` is told how much has come, and gives way to
 * what is drawn. Throws `Problem` where the server refuses, and a `TypeError` of the browser where it breaks off: a part is never taken for the whole.
 */
export async function exportRows(
  { stream, filter, order }: PageQuery,
  format: ExportFormat,
  limit: number,
  { onBytes, signal }: { readonly onBytes: (bytes: number) => void; readonly signal: AbortSignal },
): Promise<Exported> {
  const search = searchOfPage({ stream, filter, limit, order: order ?? 'newest' })
  search.delete('total')
  search.set('stream', stream)
  search.set('format', format)
  const response = await fetch(`/api/v1/export?${search}`, { signal })
  if (!response.ok) throw await problemFrom(response)
  const parts: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  const reader = response.body?.getReader()
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    parts.push(read.value)
    bytes += read.value.byteLength
    onBytes(bytes)
  }
  const given = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1]
  return {
    file: new Blob(parts, { type: response.headers.get('content-type') ?? 'application/octet-stream' }),
    name: given ?? `fasten-${stream}.${format}`,
  }
}
