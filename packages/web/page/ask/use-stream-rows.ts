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
  /** Rows in front of the first one that were here and were let go by reading on, since only so many are held. */
  readonly letGo: number
  /** Asks for the next page of older rows; does nothing while one is on its way, and at the end. */
  older(): void
  retry(): void
  /** Begins anew, from the first row of all. */
  restart(): void
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
  readonly letGo: number
}

const nothing: Held = {
  list: noRows,
  state: 'asking',
  error: undefined,
  cursor: null,
  cutAt: null,
  completeness: null,
  letGo: 0,
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
                  letGo: before.letGo + letGoFor(before.list, page.rows),
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
      restart: () => ask(null, null),
      add: (rows) => setHeld((before) => withNewer(before, rows)),
    }),
    [held, state, cursor, cutAt, ask],
  )
}

/** How many rows make room at the front for those of a page. */
const letGoFor = ({ rows, ids }: RowList, older: RowList['rows']): number =>
  Math.max(0, rows.length + older.filter(({ id }) => !ids.has(id)).length - rowsMax)

function withNewer(before: Held, rows: RowList['rows']): Held {
  const list = addNewer(before.list, rows, rowsMax)
  const last = list.rows.at(-1)
  const isCut = list.rows.length === rowsMax && last !== before.list.rows.at(-1)
  if (!isCut || last === undefined) return { ...before, list }
  return { ...before, list, state: 'ready', cursor: null, cutAt: last.timestamp }
}
