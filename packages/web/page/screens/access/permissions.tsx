// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { areasOf } from '../../model/access.ts'
import styles from './access.module.css'

/** What may be done, area by area: `audit` read, export, verify. */
export function Permissions({ of }: { readonly of: readonly string[] }): ReactNode {
  return (
    <ul className={styles['areas']}>
      {areasOf(of).map(([area, verbs]) => (
        <li key={area}>
          <span className={styles['area']}>{area}</span> {verbs.join(', ')}
        </li>
      ))}
    </ul>
  )
}
