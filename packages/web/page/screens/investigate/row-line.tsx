// SPDX-License-Identifier: Apache-2.0
import { memo, type ReactNode } from 'react'
import type { ReaderRow } from 'fasten/reader/remote'
import { rowFace } from '../../model/row-face.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './row-line.module.css'

export interface RowLineProps {
  readonly row: ReaderRow
  /** Pixels from the top of the list. */
  readonly top: number
  readonly place: number
  readonly isCurrent: boolean
  readonly isSelected: boolean
  /** Room for who, where and which request. */
  readonly isWide: boolean
  onPress(): void
}

/** One row in a pane. Drawn again only when it changes, since a tail draws the list many times a second. */
export const RowLine = memo(function RowLine(props: RowLineProps): ReactNode {
  const { row, top, place, isCurrent, isSelected, isWide } = props
  const { title, mark, tone, who, more } = rowFace(row)
  return (
    <div
      id={`${row.stream}-${row.id}`}
      role="option"
      aria-selected={isSelected}
      aria-posinset={place + 1}
      aria-setsize={-1}
      className={styles['line']}
      data-tone={tone}
      data-current={isCurrent}
      data-wide={isWide}
      style={{ transform: `translateY(${top}px)` }}
      onClick={props.onPress}
    >
      <span className={styles['time']}>
        <Moment at={row.timestamp} shows="time" />
      </span>
      <span className={styles['mark']}>{mark}</span>
      <span className={styles['title']}>
        <PlainText>{title}</PlainText>
        {more === '' ? null : (
          <span className={styles['more']}>
            <PlainText>{more}</PlainText>
          </span>
        )}
      </span>
      {isWide ? (
        <>
          <span className={styles['who']}>{who === null ? null : <PlainText>{who}</PlainText>}</span>
          <span className={styles['where']}>
            <PlainText>{`${row.service_id} ${row.source_node_id}`}</PlainText>
          </span>
        </>
      ) : null}
      <span className={styles['request']}>
        <PlainText>{row.request_id}</PlainText>
      </span>
    </div>
  )
}, isSame)

function isSame(before: RowLineProps, after: RowLineProps): boolean {
  return (
    before.row === after.row &&
    before.top === after.top &&
    before.isCurrent === after.isCurrent &&
    before.isSelected === after.isSelected &&
    before.isWide === after.isWide
  )
}
