// SPDX-License-Identifier: Apache-2.0
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
  type CSSProperties,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
} from 'react'
import type { StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import type { StreamRows } from '../../ask/use-stream-rows.ts'
import { closeColumns, gridOf, narrowGridOf, type Column } from '../../model/columns.ts'
import { actionOf } from '../../model/keys.ts'
import { rowFace } from '../../model/row-face.ts'
import { placeOfTime } from '../../model/row-list.ts'
import { Button } from '../../parts/button.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { ColumnHeads } from './column-heads.tsx'
import styles from './pane.module.css'
import { RowLine } from './row-line.tsx'

export interface PaneHandle {
  /** Puts the row that is nearest to this time into view, without taking the focus. */
  showTime(timestamp: string): void
  focus(): void
}

export interface PaneProps {
  readonly ref: Ref<PaneHandle>
  readonly stream: StreamName
  readonly rows: StreamRows
  readonly isPrimary: boolean
  /** What is shown of each row while this pane has the most room. */
  readonly columns: readonly Column[]
  readonly order: 'newest' | 'oldest'
  readonly density: 'close' | 'roomy'
  readonly selected: string | null
  /** The time that all panes share. */
  readonly cursorTime: string | null
  /** Rows that came while nobody wanted to be moved. */
  readonly waiting: number
  readonly elsewhere: readonly string[] | null
  onSelect(row: ReaderRow): void
  /** The eye went to another row. */
  onCursor(row: ReaderRow): void
  /** Something was moved by hand, so nothing may be moved by us. */
  onMove(): void
  onShowWaiting(): void
  onPromote(): void
  onColumns(columns: readonly Column[]): void
  onOrder(order: 'newest' | 'oldest'): void
}

const names: Readonly<Record<StreamName, string>> = { audit: 'Audit', api: 'API', sys: 'System log' }

/** One stream: rows from the newest down, as many drawn as can be seen. The three panes are this, three times. */
export function Pane(props: PaneProps): ReactNode {
  const { ref, stream, rows, isPrimary, selected, cursorTime, waiting, elsewhere, order, density } = props
  const { list, state } = rows
  const scroller = useRef<HTMLDivElement>(null)
  const height = density === 'close' ? 24 : 32
  // While an edge is dragged, only this pane knows; the address learns it at the end.
  const [dragged, setDragged] = useState<readonly Column[] | null>(null)
  const columns = isPrimary ? (dragged ?? props.columns) : closeColumns
  const virtual = useVirtualizer({
    count: list.rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    getItemKey: (index) => list.rows[index]?.id ?? index,
    overscan: 12,
  })
  useEffect(() => virtual.measure(), [virtual, height])

  const place = cursorTime === null ? -1 : placeOfTime(list, cursorTime, order)
  useImperativeHandle(
    ref,
    () => ({
      showTime: (timestamp) => {
        const index = placeOfTime(list, timestamp, order)
        if (index >= 0) virtual.scrollToIndex(index, { align: 'auto' })
      },
      focus: () => scroller.current?.focus(),
    }),
    [list, virtual, order],
  )

  const items = virtual.getVirtualItems()
  const lastShown = items.at(-1)?.index ?? 0
  useEffect(() => {
    if (lastShown >= list.rows.length - 50) rows.older()
  }, [lastShown, list.rows.length, rows])

  // What lies above has become shorter; the eye stays where it was.
  const { letGo } = rows
  const letGoBefore = useRef(letGo)
  useLayoutEffect(() => {
    const gone = letGo - letGoBefore.current
    letGoBefore.current = letGo
    if (gone > 0 && scroller.current !== null) scroller.current.scrollTop -= gone * height
  }, [letGo, height])

  const go = (to: number): void => {
    const index = Math.max(0, Math.min(list.rows.length - 1, to))
    const row = list.rows[index]
    if (row === undefined) return
    props.onMove()
    props.onCursor(row)
    virtual.scrollToIndex(index, { align: 'auto' })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const page = Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / height) - 1)
    const action = actionOf('Panes', event)
    const row = list.rows[place]
    switch (action) {
      case undefined:
        return
      case 'down':
        go(place + 1)
        break
      case 'up':
        go(place - 1)
        break
      case 'page-down':
        go(place + page)
        break
      case 'page-up':
        go(place - page)
        break
      case 'top':
        if (letGo > 0) rows.restart()
        else go(0)
        break
      case 'bottom':
        go(list.rows.length - 1)
        break
      case 'next-bad':
      case 'previous-bad':
        go(nextBad(list.rows, place, action === 'next-bad' ? 1 : -1))
        break
      case 'open':
        if (row !== undefined) props.onSelect(row)
        break
    }
    event.preventDefault()
  }

  const current = list.rows[place]
  return (
    <section
      className={styles['pane']}
      data-stream={stream}
      data-primary={isPrimary}
      data-density={density}
      style={{ '--columns': gridOf(columns), '--columns-narrow': narrowGridOf(columns) } as CSSProperties}
      aria-label={names[stream]}
    >
      <header className={styles['head']}>
        <button type="button" className={styles['name']} onClick={props.onPromote} aria-pressed={isPrimary}>
          {names[stream]}
        </button>
        <span className={styles['count']}>
          {list.rows.length === 0
            ? ''
            : `${(letGo + list.rows.length).toLocaleString('en')}${state === 'end' ? '' : '+'} rows`}
        </span>
        {rows.completeness === 'store-degraded' ? (
          <span
            className={styles['degraded']}
            title="Rows of this stream wait on a node or were set aside; ask its doctor."
          >
            rows are waiting
          </span>
        ) : null}
      </header>
      {isPrimary ? (
        <ColumnHeads
          columns={columns}
          order={order}
          onOrder={props.onOrder}
          onDrag={setDragged}
          onColumns={(next) => {
            setDragged(null)
            props.onColumns(next)
          }}
        />
      ) : null}
      <div className={styles['body']}>
        {letGo > 0 && waiting === 0 ? (
          <div className={styles['pill']}>
            <Button onPress={rows.restart}>Back to the first row</Button>
          </div>
        ) : null}
        {waiting > 0 ? (
          <div className={styles['pill']}>
            <Button look="main" onPress={props.onShowWaiting}>
              {waiting.toLocaleString('en')} new
            </Button>
          </div>
        ) : null}
        {elsewhere !== null ? (
          <Empty title={`No ${names[stream]} row has ${elsewhere.join(' or ')}`} />
        ) : list.rows.length === 0 ? (
          state === 'asking' ? (
            <Waiting what="Reading" />
          ) : state === 'failed' ? (
            <Failed error={rows.error} onRetry={rows.retry} />
          ) : (
            <Empty title="No rows here">
              <p>Nothing matches in this window of time. Widen it, or take a filter away.</p>
            </Empty>
          )
        ) : (
          <div
            ref={scroller}
            className={styles['scroller']}
            role="listbox"
            aria-label={`${names[stream]} rows`}
            aria-activedescendant={current === undefined ? undefined : `${stream}-${current.id}`}
            tabIndex={0}
            onKeyDown={onKeyDown}
            onWheel={props.onMove}
            onPointerDown={props.onMove}
          >
            <div className={styles['space']} style={{ height: virtual.getTotalSize() }}>
              {items.map(({ index, start }) => {
                const row = list.rows[index]
                return row === undefined ? null : (
                  <RowLine
                    key={row.id}
                    row={row}
                    top={start}
                    place={index}
                    isCurrent={index === place}
                    isSelected={row.id === selected}
                    columns={columns}
                    onPress={() => {
                      props.onCursor(row)
                      props.onSelect(row)
                    }}
                  />
                )
              })}
            </div>
            {state === 'failed' ? <Failed error={rows.error} onRetry={rows.retry} /> : null}
          </div>
        )}
      </div>
    </section>
  )
}

function nextBad(rows: readonly ReaderRow[], from: number, step: 1 | -1): number {
  for (let index = from + step; index >= 0 && index < rows.length; index += step) {
    const row = rows[index]
    if (row !== undefined && rowFace(row).tone === 'bad') return index
  }
  return from
}
