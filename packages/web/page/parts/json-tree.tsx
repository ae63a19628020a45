// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { PlainText } from './plain-text.tsx'
import styles from './json-tree.module.css'

/** A value as JSON, indented, as data: every text of it is shown as `PlainText` shows it. */
export function JsonTree({ value }: { readonly value: unknown }): ReactNode {
  return (
    <pre className={styles['json']} tabIndex={0} aria-label="JSON">
      <Value value={value} indent="" />
    </pre>
  )
}

function Value({ value, indent }: { readonly value: unknown; readonly indent: string }): ReactNode {
  if (typeof value === 'string') return <Text className={styles['string']}>{JSON.stringify(value)}</Text>
  if (typeof value !== 'object' || value === null)
    return <span className={styles['literal']}>{String(value)}</span>
  const isList = Array.isArray(value)
  const entries = Object.entries(value)
  if (entries.length === 0) return isList ? '[]' : '{}'
  const inner = `${indent}  `
  return (
    <>
      {isList ? '[' : '{'}
      {entries.map(([name, each], index) => (
        <span key={name}>
          {`\n${inner}`}
          {isList ? null : (
            <>
              <Text className={styles['name']}>{JSON.stringify(name)}</Text>
              {': '}
            </>
          )}
          <Value value={each} indent={inner} />
          {index < entries.length - 1 ? ',' : ''}
        </span>
      ))}
      {`\n${indent}`}
      {isList ? ']' : '}'}
    </>
  )
}

function Text({
  className,
  children,
}: {
  readonly className: string | undefined
  readonly children: string
}): ReactNode {
  return (
    <span className={className}>
      <PlainText>{children}</PlainText>
    </span>
  )
}
