// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { FieldError, Input, Label, Text, TextField, type TextFieldProps } from 'react-aria-components'
import styles from './field.module.css'

/** One line of text with its name above, what to know about it below, and what is wrong with it in its place. */
export function Field({
  label,
  description,
  placeholder,
  ...props
}: Omit<TextFieldProps, 'className' | 'style' | 'children'> & {
  /** Left out where the field is named by `aria-label`: in bars, where its place says what it is for. */
  readonly label?: string
  readonly description?: string
  readonly placeholder?: string
}): ReactNode {
  return (
    <TextField {...props} className={styles['field'] ?? ''}>
      {label === undefined ? null : <Label className={styles['label'] ?? ''}>{label}</Label>}
      <Input className={styles['input'] ?? ''} {...(placeholder === undefined ? {} : { placeholder })} />
      {description === undefined ? null : (
        <Text slot="description" className={styles['about'] ?? ''}>
          {description}
        </Text>
      )}
      <FieldError className={styles['wrong'] ?? ''} />
    </TextField>
  )
}
