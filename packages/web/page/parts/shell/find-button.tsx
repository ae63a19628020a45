// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { keyTable, keyWords } from '../../model/keys.ts'
import { useOpening } from '../palette/opening.tsx'
import styles from './shell.module.css'

/** Opens the palette, and tells its key. On a phone there is no other way to it. */
export function FindButton(): ReactNode {
  const [, open] = useOpening()
  const words = keyWords(keyTable.Anywhere[0].keys[0], navigator.userAgent.includes('Mac OS'))
  return (
    <button type="button" className={styles['find']} onClick={() => open('palette')}>
      Find
      <kbd aria-hidden="true">{words.join(' ')}</kbd>
    </button>
  )
}

/** Opens the list of keys; of no use without a keyboard, and not shown there. */
export function KeysButton(): ReactNode {
  const [, open] = useOpening()
  return (
    <button type="button" className={styles['keys']} onClick={() => open('help')}>
      Keys <kbd aria-hidden="true">?</kbd>
    </button>
  )
}
