// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { Button } from './button.tsx'
import styles from './secret.module.css'

/** Something that opens, shown this once. It is in no address, no storage and no later answer. */
export function Secret({
  label,
  children,
}: {
  readonly label: string
  readonly children: string
}): ReactNode {
  const [isCopied, setCopied] = useState(false)
  return (
    <div className={styles['secret']}>
      <p className={styles['label']} id="secret-label">
        {label}
      </p>
      <code
        className={styles['value']}
        aria-labelledby="secret-label"
        role="textbox"
        aria-readonly="true"
        tabIndex={0}
      >
        {children}
      </code>
      <Button onPress={() => void navigator.clipboard.writeText(children).then(() => setCopied(true))}>
        {isCopied ? 'Copied' : 'Copy'}
      </Button>
      <p className={styles['once']}>It is shown this once. What is kept cannot tell it again.</p>
    </div>
  )
}
