// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { readJson, type StreamName } from 'fasten/core'
import type { Page, PageQuery, Reader } from 'fasten/reader/remote'
import { addNewer, addOlder, noRows, type RowList } from '../model/row-list.ts'

/** More rows than anybody scrolls by hand, and less than a browser feels. */
export const rowsMax = 20_000

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
  /** Where the list was cut by rows that came on top: what is older is asked for from this time on. Null where its pages go on by themselves. */
  readonly cutAt: string | null
  readonly completeness: Page['completeness'] | null
}

const nothing: Held = {
  list: noRows,
  state: 'asking',
  error: undefined,
  cursor: null,
  cutAt: null,
  completeness: null,
}

/** The rows that a query asks for, page after page. A new query begins anew; null asks nothing. */
export function useStreamRows(reader: Reader, stream: StreamName, query: PageQuery | null): StreamRows {
  const key = JSON.stringify(query)
  const [held, setHeld] = useState<Held>(nothing)
  const running = useRef<AbortController | null>(null)

  const ask = useCallback(
    (cursor: string | null, cutAt: string | null) => {
      const whole = readJson(key) as PageQuery | null
      if (whole === null || whole.stream !== stream) return
      const asked = cutAt === null ? whole : { ...whole, filter: { ...whole.filter, until: cutAt } }
      running.current?.abort()
      const stop = new AbortController()
      running.current = stop
      const isNew = cursor === null && cutAt === null
      setHeld((before) => ({ ...(isNew ? nothing : before), state: 'asking', error: undefined }))
      reader.page(cursor === null ? asked : { ...asked, cursor }, stop.signal).then(
        (page) =>
          setHeld((before) =>
            // The list was cut meanwhile: this page would leave a hole.
            before.cutAt !== cutAt
              ? before
              : {
                  list: addOlder(before.list, page.rows, rowsMax),
                  state: page.next_cursor === null ? 'end' : 'ready',
                  error: undefined,
                  cursor: page.next_cursor,
                  cutAt,
                  completeness: page.completeness,
                },
          ),
        (error: unknown) => {
          if (!stop.signal.aborted) setHeld((before) => ({ ...before, state: 'failed', error }))
        },
      )
    },
    [reader, stream, key],
  )
  useEffect(() => {
    ask(null, null)
    return () => running.current?.abort()
  }, [ask])

  const { state, cursor, cutAt } = held
  return useMemo(
    () => ({
      ...held,
      older: () => {
        if (state === 'ready') ask(cursor, cutAt)
      },
      retry: () => ask(cursor, cutAt),
      add: (rows) => setHeld((before) => withNewer(before, rows)),
    }),
    [held, state, cursor, cutAt, ask],
  )
}

function withNewer(before: Held, rows: RowList['rows']): Held {
  const list = addNewer(before.list, rows, rowsMax)
  const last = list.rows.at(-1)
  const isCut = list.rows.length === rowsMax && last !== before.list.rows.at(-1)
  if (!isCut || last === undefined) return { ...before, list }
  return { ...before, list, state: 'ready', cursor: null, cutAt: last.timestamp }
}
