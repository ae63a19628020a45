// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import styles from './mark.module.css'

/** Three streams, fastened by one id. */
export function Mark(): ReactNode {
  return (
    <span className={styles['mark']}>
      <svg viewBox="0 0 32 32" width="20" height="20" aria-hidden="true">
        <path d="M6 8h14M6 16h20M6 24h9M20 8v8M15 16v8" />
      </svg>
      fasten
    </span>
  )
}
