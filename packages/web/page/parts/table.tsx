// SPDX-License-Identifier: Apache-2.0
import { useLayoutEffect, useRef, type ReactNode } from 'react'
import styles from './table.module.css'

export interface Column {
  readonly name: string
  /** Numbers stand at the right, so that they compare. */
  readonly isNumber?: boolean
  /** What can be done with a line: its name is read aloud, not shown. */
  readonly isTools?: boolean
  /**
   * One measure for all tables, so that columns of one kind stand below one another wherever they are. Left out: that of a name for the
   * first column, of a number, of tools, and else what is left, in equal parts.
   */
  readonly width?: 'name' | 'code' | 'word' | 'words' | 'time' | 'number' | 'tools'
  /** Its cells do not say by themselves what they tell: where there is no room for heads, the name stands before each. Numbers have it always. */
  readonly isNamed?: boolean
}

const widthOf = ({ width, isNumber, isTools }: Column, index: number): Column['width'] =>
  width ?? (isNumber === true ? 'number' : isTools === true ? 'tools' : index === 0 ? 'name' : undefined)

/**
 * Lines of facts below the names of what they are. Columns are packed to the left and have the same measures in every table. Where the window is
 * narrow a line is folded in two or three: what it is and how it stands first, nothing out of sight. `children` are its lines.
 */
export function Table({
  label,
  columns,
  children,
}: {
  readonly label: string
  readonly columns: readonly Column[]
  readonly children: ReactNode
}): ReactNode {
  const body = useRef<HTMLTableSectionElement>(null)
  // The name of a column is given once, in `columns`; a cell that has to say it is told it here, for the style to show.
  useLayoutEffect(() => {
    for (const line of body.current?.rows ?? [])
      for (const cellOf of line.cells) {
        const column = columns[cellOf.cellIndex]
        if (cellOf.colSpan === 1 && column !== undefined && (column.isNumber ?? column.isNamed) === true)
          cellOf.dataset['name'] = column.name
      }
  })
  const widths = columns.map(widthOf)
  return (
    // What scrolls is reached from the keyboard, too (WCAG 2.2, 2.1.1).
    <div className={styles['wrap']} role="group" aria-label={label} tabIndex={0}>
      <table className={styles['table']} data-many={columns.length > 6}>
        <colgroup>
          {columns.map(({ name }, index) => (
            <col key={name} data-width={widths[index]} />
          ))}
          {widths.includes(undefined) ? null : <col />}
        </colgroup>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, isTools }) => (
              <th key={name} scope="col" className={isNumber === true ? styles['number'] : undefined}>
                {isTools === true ? <span className="aloud">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody ref={body}>{children}</tbody>
      </table>
    </div>
  )
}

/**
 * The classes of cells: `number`, `state` for what stands beside the name where lines are folded, `grow` for words that have a line of their own
 * there, `none` for what is nothing and left out there, `tools`, and tones.
 */
export const cell = {
  number: styles['number'],
  state: styles['state'],
  grow: styles['grow'],
  none: styles['none'],
  tools: styles['tools'],
  soft: styles['soft'],
  good: styles['good'],
  warn: styles['warn'],
  bad: styles['bad'],
} as const
