// SPDX-License-Identifier: Apache-2.0
import { useId, type ReactNode } from 'react'
import styles from './select.module.css'

/** One of some words, in the browser's own list: the keyboard and a phone know what to do with it. */
export function Select<T extends string>({
  label,
  value,
  options,
  isQuiet = false,
  onChange,
}: {
  readonly label: string
  readonly value: T
  readonly options: readonly (readonly [value: T, name: string])[]
  /** The label is read aloud, not shown: for bars, where the words say it. */
  readonly isQuiet?: boolean
  readonly onChange: (value: T) => void
}): ReactNode {
  const id = useId()
  return (
    <div className={styles['choice']}>
      <label htmlFor={id} className={isQuiet ? 'aloud' : styles['label']}>
        {label}
      </label>
      <select
        id={id}
        className={styles['select']}
        value={value}
        onChange={({ target }) => {
          const found = options.find(([each]) => each === target.value)
          if (found !== undefined) onChange(found[0])
        }}
      >
        {options.map(([each, name]) => (
          <option key={each} value={each}>
            {name}
          </option>
        ))}
      </select>
    </div>
  )
}
