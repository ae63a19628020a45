// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import styles from './place-head.module.css'

/** The head of a place: its name, what it is about or how it stands in one line, and at the end what can be done with all of it. */
export function PlaceHead({
  title,
  about,
  children,
}: {
  readonly title: string
  readonly about: ReactNode
  readonly children?: ReactNode
}): ReactNode {
  return (
    <header className={styles['head']}>
      <h1>{title}</h1>
      <p className={styles['about']}>{about}</p>
      {children === undefined ? null : <div className={styles['tools']}>{children}</div>}
    </header>
  )
}
