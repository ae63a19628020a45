// SPDX-License-Identifier: Apache-2.0
import { useMemo, type ReactNode } from 'react'
import type { StreamName } from 'fasten/core'
import type { Tally } from '../../ask/use-tally.ts'
import { facetsOf } from '../../model/facets.ts'
import { partWith, withFilter, withoutPart } from '../../model/question-parts.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './facets.module.css'

const valuesMax = 6

const titles: Readonly<Record<string, string>> = {
  service_id: 'service',
  source_node_id: 'node',
  tenant_id: 'tenant',
}

/** The most frequent values of the window, as far as its rows were read. A press asks for one, and again for all. */
export function Facets({
  tally: { rows, isWhole },
  stream,
  text,
  onText,
}: {
  readonly tally: Pick<Tally, 'rows' | 'isWhole'>
  readonly stream: StreamName
  readonly text: string
  readonly onText: (text: string) => void
}): ReactNode {
  const facets = useMemo(() => facetsOf(stream, rows, valuesMax), [stream, rows])
  return (
    <section className={styles['facets']} aria-label="Values in the window" tabIndex={0}>
      <p className={styles['of']}>
        {rows.length === 0
          ? 'No rows, so no values'
          : `of ${isWhole ? 'all' : 'the newest'} ${rows.length.toLocaleString('en')} ${rows.length === 1 ? 'row' : 'rows'}`}
      </p>
      {facets.map(({ name, values, valuesLeft }) => (
        <section key={name} className={styles['facet']}>
          <h2>{titles[name] ?? name}</h2>
          <ul>
            {values.map(({ value, rows: count }) => {
              const part = partWith(text, name, value)
              const asked = withFilter(text, name, value)
              return (
                <li key={value}>
                  <button
                    type="button"
                    className={styles['value']}
                    aria-pressed={part !== undefined}
                    disabled={part === undefined && asked === undefined}
                    onClick={() => onText(part === undefined ? (asked ?? text) : withoutPart(text, part))}
                  >
                    <span className={styles['word']}>
                      <PlainText>{value}</PlainText>
                    </span>
                    <span className={styles['count']}>{count.toLocaleString('en')}</span>
                    <meter
                      className={styles['share']}
                      min={0}
                      max={rows.length}
                      value={count}
                      aria-hidden="true"
                    />
                  </button>
                </li>
              )
            })}
          </ul>
          {valuesLeft === 0 ? null : (
            <p className={styles['left']}>and {valuesLeft.toLocaleString('en')} more</p>
          )}
        </section>
      ))}
    </section>
  )
}
