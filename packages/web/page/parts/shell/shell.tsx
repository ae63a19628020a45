// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Mark } from '../mark.tsx'
import { AppearanceMenu } from './appearance-menu.tsx'
import { FindButton, KeysButton } from './find-button.tsx'
import { RailLink } from './rail-link.tsx'
import styles from './shell.module.css'

export interface Place {
  readonly path: string
  readonly name: string
  /** Other paths that belong to it. */
  readonly also?: readonly string[]
}

/**
 * What is around every screen: where one can go, who one is, and how it looks. The main region is the screen's own; a link before
 * everything leads there from the keyboard (WCAG 2.2, 2.4.1).
 */
export function Shell({
  groups,
  person,
  children,
}: {
  readonly groups: readonly { readonly name: string; readonly places: readonly Place[] }[]
  /** Who looks, and the way out; left out where nobody logs in. */
  readonly person?: ReactNode
  readonly children: ReactNode
}): ReactNode {
  return (
    <div className={styles['shell']}>
      <a className={styles['skip']} href="#main">
        Skip to the page
      </a>
      <nav className={styles['rail']} aria-label="Places">
        <span className={styles['mark']}>
          <Mark />
        </span>
        <FindButton />
        {groups.map(({ name, places }) => (
          <div key={name} className={styles['group']}>
            <h2 className={styles['heading']}>{name}</h2>
            <ul>
              {places.map((place) => (
                <li key={place.path}>
                  <RailLink {...place} />
                </li>
              ))}
            </ul>
          </div>
        ))}
        <div className={styles['foot']}>
          <KeysButton />
          <AppearanceMenu />
          {person}
        </div>
      </nav>
      <main id="main" className={styles['main']} tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}
