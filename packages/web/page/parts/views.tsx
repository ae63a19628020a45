// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import styles from './views.module.css'

/** Parts of a place, each with an address of its own. */
export function Views({
  label,
  views,
  here,
}: {
  readonly label: string
  readonly views: readonly { readonly id: string; readonly name: string; readonly path: string }[]
  readonly here: string
}): ReactNode {
  return (
    <nav className={styles['views']} aria-label={label}>
      {views.map(({ id, name, path }) => (
        <Link
          key={id}
          href={path}
          className={styles['view'] ?? ''}
          aria-current={id === here ? 'page' : undefined}
        >
          {name}
        </Link>
      ))}
    </nav>
  )
}
