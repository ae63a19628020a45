// SPDX-License-Identifier: Apache-2.0
import { useRef, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import { bounded, knownColumns, type Column, type ColumnName } from '../../model/columns.ts'
import styles from './column-heads.module.css'

/**
 * The names of the columns. The time turns the order; the edge of a column is dragged, or moved with the arrows, to make it as wide as it has to be,
 * and a double press gives it its usual width.
 */
export function ColumnHeads({
  columns,
  order,
  onOrder,
  onDrag,
  onColumns,
}: {
  readonly columns: readonly Column[]
  readonly order: 'newest' | 'oldest'
  readonly onOrder: (order: 'newest' | 'oldest') => void
  /** While an edge is on its way. */
  readonly onDrag: (columns: readonly Column[]) => void
  readonly onColumns: (columns: readonly Column[]) => void
}): ReactNode {
  return (
    <div className={styles['heads']} role="group" aria-label="Columns">
      {columns.map((column, index) => {
        const { title } = knownColumns[column.name as ColumnName]
        const withWidth = (width: number | null): readonly Column[] =>
          columns.with(index, { name: column.name, width: width === null ? null : bounded(width) })
        return (
          <div key={column.name} className={styles['head']}>
            {column.name === 'time' ? (
              <button
                type="button"
                className={styles['sort']}
                onClick={() => onOrder(order === 'newest' ? 'oldest' : 'newest')}
                title={order === 'newest' ? 'The newest rows stand first' : 'The oldest rows stand first'}
              >
                {title} <span aria-hidden="true">{order === 'newest' ? '↓' : '↑'}</span>
                <span className="aloud">, the {order} first; press to turn</span>
              </button>
            ) : (
              title
            )}
            <Edge
              title={title}
              width={column.width}
              usual={knownColumns[column.name as ColumnName].width}
              onDrag={(width) => onDrag(withWidth(width))}
              onWidth={(width) => onColumns(withWidth(width))}
            />
          </div>
        )
      })}
    </div>
  )
}

function Edge({
  title,
  width,
  usual,
  onDrag,
  onWidth,
}: {
  readonly title: string
  readonly width: number | null
  readonly usual: number | null
  readonly onDrag: (width: number) => void
  readonly onWidth: (width: number | null) => void
}): ReactNode {
  const from = useRef<{ readonly x: number; readonly width: number } | null>(null)
  const drawn = (element: HTMLElement): number => element.parentElement?.clientWidth ?? 100
  const widthAt = (event: PointerEvent): number =>
    from.current === null ? 0 : from.current.width + event.clientX - from.current.x
  const onKeyDown = (event: KeyboardEvent<HTMLElement>): void => {
    const by = { ArrowLeft: -8, ArrowRight: 8 }[event.key]
    if (by !== undefined) onWidth((width ?? drawn(event.currentTarget)) + by)
    else if (event.key === 'Enter') onWidth(usual)
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  return (
    <span
      className={styles['edge']}
      role="separator"
      aria-orientation="vertical"
      aria-label={`Width of ${title}`}
      aria-valuemin={40}
      aria-valuemax={1200}
      aria-valuenow={width ?? 0}
      aria-valuetext={width === null ? 'what the others leave' : `${width} pixels`}
      tabIndex={0}
      onKeyDown={onKeyDown}
      onDoubleClick={() => onWidth(usual)}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        from.current = { x: event.clientX, width: width ?? drawn(event.currentTarget) }
      }}
      onPointerMove={(event) => {
        if (from.current !== null && event.clientX !== from.current.x) onDrag(widthAt(event))
      }}
      onPointerUp={(event) => {
        if (from.current !== null && event.clientX !== from.current.x) onWidth(widthAt(event))
        from.current = null
      }}
    />
  )
}
