// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Button as AriaButton, type ButtonProps } from 'react-aria-components'
import styles from './button.module.css'

/** `main` for the one thing a form is for, `quiet` for what stands in rows and bars, `grave` for what cannot be taken back. */
export function Button({
  look = 'plain',
  ...props
}: Omit<ButtonProps, 'className' | 'style'> & {
  readonly look?: 'plain' | 'main' | 'quiet' | 'grave'
}): ReactNode {
  return <AriaButton {...props} className={`${styles['button']} ${styles[look]}`} />
}
