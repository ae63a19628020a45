// SPDX-License-Identifier: Apache-2.0
import { streams, type StreamName } from 'fasten/core'

export interface Size {
  readonly columns: number
  readonly rows: number
}

/** Where the rows of one stream are shown; `rows` without its title. */
export interface PaneBox extends Size {
  readonly stream: StreamName
}

export interface Layout {
  /** `wide`: side by side. `narrow`: one below the other, those that are not the primary one small. */
  readonly kind: 'wide' | 'narrow'
  readonly panes: readonly PaneBox[]
}

/** From here on three panes beside each other have more to say than three below each other. */
const columnsForWide = 150

/** The line that says what is followed, the histogram, and the line for keys and commands. */
export const framingRows = 3

/** Of a pane that is not the primary one, when they stand below each other. */
const smallRows = 3

/** What a smaller terminal is told instead. */
export const sizeMin: Size = { columns: 40, rows: 12 }

/** The order of the panes never changes; the primary one gets what room there is. Together they fill the screen exactly. */
export function layoutOf({ columns, rows }: Size, primary: StreamName): Layout {
  const height = rows - framingRows
  if (columns >= columnsForWide) {
    // A line stands between two panes.
    const room = columns - (streams.length - 1)
    const small = Math.floor(room * 0.29)
    const panes = streams.map((stream) => ({
      stream,
      columns: stream === primary ? room - small * (streams.length - 1) : small,
      rows: height - 1,
    }))
    return { kind: 'wide', panes }
  }
  const titles = streams.length
  const small = Math.min(smallRows, Math.max(1, Math.floor((height - titles) / 6)))
  const panes = streams.map((stream) => ({
    stream,
    columns,
    rows: stream === primary ? height - titles - small * (streams.length - 1) : small,
  }))
  return { kind: 'narrow', panes }
}

/** How many rows of the primary pane are seen at once. */
export function primaryRows(size: Size, primary: StreamName): number {
  return Math.max(1, layoutOf(size, primary).panes.find(({ stream }) => stream === primary)?.rows ?? 1)
}
