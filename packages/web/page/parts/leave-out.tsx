// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import styles from './leave-out.module.css'

/** The minus beside a value: rows with it are left out. Seen while the pointer or the focus is on its line, and always where there is no pointer to hover with. */
export function LeaveOut({
  name,
  value,
  onPress,
}: {
  readonly name: string
  readonly value: string
  readonly onPress: () => void
}): ReactNode {
  return (
    <button
      type="button"
      className={styles['out']}
      aria-label={`Leave out ${name} ${value}`}
      title="Leave these out"
      onClick={onPress}
    >
      −
    </button>
  )
}
