// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { durationText, type Trace } from 'fasten/reader/remote'
import styles from './request.module.css'

/** Says whose clocks were moved and by how much, so that no bar stands where no row says it was without a word about it. */
export function ClockNotice({ trace: { clocks, clocks_are } }: { readonly trace: Trace }): ReactNode {
  const moved = clocks.filter(({ offset_us }) => offset_us !== 0)
  if (clocks_are === 'not_put_right')
    return (
      <p className={styles['cut']}>
        Clocks contradict each other: no shift puts every cause before its effect, so times are as the nodes
        wrote them.
      </p>
    )
  if (moved.length === 0) return null
  return (
    <details className={styles['clocks']}>
      <summary>
        {moved.length === 1 ? '1 clock was put right' : `${moved.length} clocks were put right`}
      </summary>
      <ul>
        {moved.map(({ node, offset_us }) => (
          <li key={node}>
            <code>{node}</code> {offset_us > 0 ? 'later' : 'earlier'} by {durationText(Math.abs(offset_us))}
          </li>
        ))}
      </ul>
    </details>
  )
}
