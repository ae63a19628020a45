// SPDX-License-Identifier: Apache-2.0
import type { KeyboardEvent } from 'react'
import type { ReaderRow } from 'fasten/reader/remote'
import type { StreamRows } from '../../ask/use-stream-rows.ts'
import { actionOf } from '../../model/keys.ts'
import { rowFace } from '../../model/row-face.ts'

/** What the keys of a pane do, by the table that the help shows (`model/keys.ts`). */
export function usePaneKeys({
  rows,
  place,
  pageRows,
  onGo,
  onOpen,
}: {
  readonly rows: StreamRows
  /** Of the row that the eye is on; −1 for none. */
  readonly place: number
  /** How many rows a page is. */
  readonly pageRows: () => number
  readonly onGo: (row: ReaderRow, index: number) => void
  readonly onOpen: (row: ReaderRow) => void
}): (event: KeyboardEvent) => void {
  const held = rows.list.rows
  const go = (to: number): void => {
    const index = Math.max(0, Math.min(held.length - 1, to))
    const row = held[index]
    if (row !== undefined) onGo(row, index)
  }
  return (event) => {
    const row = held[place]
    switch (actionOf('Panes', event)) {
      case undefined:
        return
      case 'down':
        go(place + 1)
        break
      case 'up':
        go(place - 1)
        break
      case 'page-down':
        go(place + pageRows())
        break
      case 'page-up':
        go(place - pageRows())
        break
      case 'top':
        if (rows.letGo > 0) rows.restart()
        else go(0)
        break
      case 'bottom':
        go(held.length - 1)
        break
      case 'next-bad':
        go(nextBad(held, place, 1))
        break
      case 'previous-bad':
        go(nextBad(held, place, -1))
        break
      case 'open':
        if (row !== undefined) onOpen(row)
        break
    }
    event.preventDefault()
  }
}

function nextBad(rows: readonly ReaderRow[], from: number, step: 1 | -1): number {
  for (let index = from + step; index >= 0 && index < rows.length; index += step) {
    const row = rows[index]
    if (row !== undefined && rowFace(row).tone === 'bad') return index
  }
  return from
}
