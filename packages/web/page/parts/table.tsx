// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import styles from './table.module.css'

export interface Column {
  readonly name: string
  /** Numbers stand at the right, so that they compare. */
  readonly isNumber?: boolean
  /** What can be done with a line: its name is read aloud, not shown. */
  readonly isTools?: boolean
}

/** Lines of facts below the names of what they are; where the window is narrow it scrolls by itself, not the page. `children` are its lines. */
export function Table({
  label,
  columns,
  children,
}: {
  readonly label: string
  readonly columns: readonly Column[]
  readonly children: ReactNode
}): ReactNode {
  return (
    // What scrolls is reached from the keyboard, too (WCAG 2.2, 2.1.1).
    <div className={styles['wrap']} role="group" aria-label={label} tabIndex={0}>
      <table className={styles['table']}>
        <thead>
          <tr>
            {columns.map(({ name, isNumber, isTools }) => (
              <th key={name} scope="col" className={isNumber === true ? styles['number'] : undefined}>
                {isTools === true ? <span className="aloud">{name}</span> : name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** The classes of cells: `number`, `grow` for what takes the room that is left, `tools`, and tones. */
export const cell = {
  number: styles['number'],
  grow: styles['grow'],
  tools: styles['tools'],
  soft: styles['soft'],
  good: styles['good'],
  warn: styles['warn'],
  bad: styles['bad'],
} as const
