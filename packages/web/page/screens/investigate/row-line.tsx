// SPDX-License-Identifier: Apache-2.0
import { memo, type ReactNode } from 'react'
import { durationText, type ReaderRow } from 'fasten/reader/remote'
import { cellText, type Column, type ColumnName } from '../../model/columns.ts'
import { rowFace, type RowFace } from '../../model/row-face.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './row-line.module.css'
import { RowTime } from './row-time.tsx'

export interface RowLineProps {
  readonly row: ReaderRow
  /** Pixels from the top of the list. */
  readonly top: number
  readonly place: number
  readonly isCurrent: boolean
  readonly isSelected: boolean
  /** It belongs to the request of the row that the eye is on, in whichever pane that is. */
  readonly isThread: boolean
  readonly columns: readonly Column[]
  onPress(): void
}

/** One row in a pane. Drawn again only when it changes, since a tail draws the list many times a second. */
export const RowLine = memo(function RowLine(props: RowLineProps): ReactNode {
  const { row, top, place, isCurrent, isSelected, isThread, columns } = props
  const face = rowFace(row)
  return (
    <div
      id={`${row.stream}-${row.id}`}
      role="option"
      aria-selected={isSelected}
      aria-posinset={place + 1}
      aria-setsize={-1}
      className={styles['line']}
      data-tone={face.tone}
      data-current={isCurrent}
      data-thread={isThread}
      style={{ transform: `translateY(${top}px)` }}
      onClick={props.onPress}
    >
      {columns.map(({ name }) => (
        <span key={name} className={styles[drawn.has(name) ? name : 'plain']}>
          <Cell row={row} face={face} name={name as ColumnName} />
        </span>
      ))}
    </div>
  )
}, isSame)

/** Columns that are set otherwise than the others. */
const drawn: ReadonlySet<string> = new Set(['time', 'mark', 'what', 'who'])

function Cell({
  row,
  face: { title, mark, who, more },
  name,
}: {
  readonly row: ReaderRow
  readonly face: RowFace
  readonly name: ColumnName
}): ReactNode {
  if (name === 'time') return <RowTime at={row.timestamp} />
  if (name === 'mark') return mark
  if (name === 'what')
    return (
      <>
        <PlainText>{title}</PlainText>
        {more === '' ? null : (
          <span className={styles['more']}>
            <PlainText>{more}</PlainText>
          </span>
        )}
      </>
    )
  const text =
    name === 'who'
      ? who
      : name === 'duration' && row.stream === 'api'
        ? durationText(row.duration_us)
        : cellText(row, name)
  return text === null ? null : <PlainText>{text}</PlainText>
}

function isSame(before: RowLineProps, after: RowLineProps): boolean {
  return (
    before.row === after.row &&
    before.top === after.top &&
    before.isCurrent === after.isCurrent &&
    before.isSelected === after.isSelected &&
    before.isThread === after.isThread &&
    before.columns === after.columns
  )
}
