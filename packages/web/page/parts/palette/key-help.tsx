// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { keyTable, keyWords, type KeyAction } from '../../model/keys.ts'
import { Button } from '../button.tsx'
import styles from './key-help.module.css'

/** Every key, by where it holds: the table that the handlers read. */
export function KeyHelp({ onClose }: { readonly onClose: () => void }): ReactNode {
  const isMac = navigator.userAgent.includes('Mac OS')
  return (
    <div className={styles['help']}>
      <header className={styles['head']}>
        <h2>Keys</h2>
        <Button look="quiet" onPress={onClose}>
          Close
        </Button>
      </header>
      <div className={styles['groups']} tabIndex={0} role="group" aria-label="Keys by where they hold">
        {Object.entries<readonly KeyAction[]>(keyTable).map(([scope, actions]) => (
          <section key={scope} className={styles['group']}>
            <h3>{scope}</h3>
            <dl>
              {actions.map(({ action, keys, does }) => (
                <div key={action} className={styles['pair']}>
                  <dt>
                    {keys.map((key) => (
                      <span key={key} className={styles['key']}>
                        {keyWords(key, isMac).map((word) => (
                          <kbd key={word}>{word}</kbd>
                        ))}
                      </span>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </div>
  )
}
