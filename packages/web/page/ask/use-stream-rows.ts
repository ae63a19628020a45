// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { readJson, type StreamName } from 'fasten/core'
import type { Page, PageQuery, Reader } from 'fasten/reader/remote'
import { addNewer, addOlder, noRows, type RowList } from '../model/row-list.ts'

/** More rows than anybody scrolls by hand, and less than a browser feels. */
const rowsMax = 20_000

export interface StreamRows {
  readonly list: RowList
  /** `end`: there are no older rows in the window. */
  readonly state: 'asking' | 'ready' | 'end' | 'failed'
  readonly error: unknown
  readonly completeness: Page['completeness'] | null
  /** Asks for the next page of older rows; does nothing while one is on its way, and at the end. */
  older(): void
  retry(): void
  /** Rows that a tail brought. */
  add(rows: RowList['rows']): void
}

interface Held {
  readonly list: RowList
  readonly state: StreamRows['state']
  readonly error: unknown
  readonly cursor: string | null
  readonly completeness: Page['completeness'] | null
}

const nothing: Held = { list: noRows, state: 'asking', error: undefined, cursor: null, completeness: null }

/** The rows that a query asks for, page after page. A new query begins anew; null asks nothing. */
export function useStreamRows(reader: Reader, stream: StreamName, query: PageQuery | null): StreamRows {
  const key = JSON.stringify(query)
  const [held, setHeld] = useState<Held>(nothing)
  const running = useRef<AbortController | null>(null)

  const ask = useCallback(
    (cursor: string | null) => {
      const asked = readJson(key) as PageQuery | null
      if (asked === null || asked.stream !== stream) return
      running.current?.abort()
      const stop = new AbortController()
      running.current = stop
      setHeld((before) => ({ ...(cursor === null ? nothing : before), state: 'asking', error: undefined }))
      reader.page(cursor === null ? asked : { ...asked, cursor }, stop.signal).then(
        (page) =>
          setHeld((before) => ({
            list: addOlder(before.list, page.rows, rowsMax),
            state: page.next_cursor === null ? 'end' : 'ready',
            error: undefined,
            cursor: page.next_cursor,
            completeness: page.completeness,
          })),
        (error: unknown) => {
          if (!stop.signal.aborted) setHeld((before) => ({ ...before, state: 'failed', error }))
        },
      )
    },
    [reader, stream, key],
  )
  useEffect(() => {
    ask(null)
    return () => running.current?.abort()
  }, [ask])

  const { state, cursor } = held
  return useMemo(
    () => ({
      ...held,
      older: () => {
        if (state === 'ready') ask(cursor)
      },
      retry: () => ask(cursor),
      add: (rows) => setHeld((before) => ({ ...before, list: addNewer(before.list, rows, rowsMax) })),
    }),
    [held, state, cursor, ask],
  )
}
