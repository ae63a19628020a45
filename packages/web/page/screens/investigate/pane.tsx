// SPDX-License-Identifier: Apache-2.0
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  useEffect,
  useImperativeHandle,
  useLayoutEffect,
  useRef,
  useState,
  type CSSProperties,
  type ReactNode,
  type Ref,
} from 'react'
import type { StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import type { StreamRows } from '../../ask/use-stream-rows.ts'
import { closeColumns, gridOf, narrowGridOf, type Column } from '../../model/columns.ts'
import { placeOfRow, placeOfTime } from '../../model/row-list.ts'
import type { Action } from '../../parts/palette/actions.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { ColumnHeads } from './column-heads.tsx'
import styles from './pane.module.css'
import { NoRows } from './no-rows.tsx'
import { RowLine } from './row-line.tsx'
import { usePaneKeys } from './use-pane-keys.ts'
import { useRowHeight } from './use-row-height.ts'

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
  /** The row that the eye is on, in whichever pane: its time is the cursor that all panes share. */
  readonly cursor: ReaderRow | null
  /** Rows that came while nobody wanted to be moved. */
  readonly waiting: number
  /** What the question asks for that rows of this stream do not have. */
  readonly elsewhere: readonly string[] | null
  /** Where to look when there is nothing. */
  readonly wider: readonly Action[]
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
  const { ref, stream, rows, isPrimary, selected, cursor, waiting, elsewhere, order } = props
  const { list, state } = rows
  const scroller = useRef<HTMLDivElement>(null)
  const { setting, height } = useRowHeight(props.density)
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

  const own = cursor?.stream === stream ? placeOfRow(list, cursor, order) : -1
  const place = cursor === null || own >= 0 ? own : placeOfTime(list, cursor.timestamp, order)
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

  // What lies above has become shorter; the eye stays where it was. The rows are chosen anew before anything is painted: the event of the scrolling would come a frame later.
  const { letGo } = rows
  const letGoBefore = useRef(letGo)
  useLayoutEffect(() => {
    const gone = letGo - letGoBefore.current
    letGoBefore.current = letGo
    const element = scroller.current
    if (gone <= 0 || element === null) return
    element.scrollTop -= gone * height
    virtual.scrollOffset = element.scrollTop
    virtual.measure()
  }, [letGo, height, virtual])

  const onKeyDown = usePaneKeys({
    rows,
    place,
    pageRows: () => Math.max(1, Math.floor((scroller.current?.clientHeight ?? 0) / height) - 1),
    onOpen: props.onSelect,
    onGo: (row, index) => {
      props.onMove()
      props.onCursor(row)
      virtual.scrollToIndex(index, { align: 'auto' })
    },
  })

  const current = list.rows[place]
  return (
    <section
      className={styles['pane']}
      data-stream={stream}
      data-primary={isPrimary}
      data-setting={setting}
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
            : `${(letGo + list.rows.length).toLocaleString('en')}${state === 'end' ? '' : '+'} ${letGo + list.rows.length === 1 && state === 'end' ? 'row' : 'rows'}`}
        </span>
        {waiting > 0 ? (
          <button type="button" className={styles['pill']} onClick={props.onShowWaiting}>
            {waiting.toLocaleString('en')} new
          </button>
        ) : letGo > 0 ? (
          <button type="button" className={styles['pill']} onClick={rows.restart}>
            Back to the first row
          </button>
        ) : null}
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
        {elsewhere !== null ? (
          <NoRows because={elsewhere} stream={stream} />
        ) : list.rows.length === 0 ? (
          state === 'asking' ? (
            <Waiting what="Reading" />
          ) : state === 'failed' ? (
            <Failed error={rows.error} onRetry={rows.retry} />
          ) : (
            <NoRows stream={stream} wider={isPrimary ? props.wider : []} />
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
                    isThread={row.request_id === cursor?.request_id}
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
