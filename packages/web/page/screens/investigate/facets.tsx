// SPDX-License-Identifier: Apache-2.0
import { useMemo, type ReactNode } from 'react'
import type { StreamName } from 'fasten/core'
import type { Tally } from '../../ask/use-tally.ts'
import { facetsOf } from '../../model/facets.ts'
import { exclusionsOf, partWith, withExclusion, withFilter, withoutPart } from '../../model/question-parts.ts'
import { LeaveOut } from '../../parts/leave-out.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './facets.module.css'

const valuesMax = 6

const titles: Readonly<Record<string, string>> = {
  service_id: 'service',
  source_node_id: 'node',
  tenant_id: 'tenant',
}

/**
 * The most frequent values of the window, as far as its rows were read. A press asks for one, and again for all; the minus beside it, or a press with Shift,
 * leaves it out. What is left out has no row to be counted in, and is listed so that it can be brought back.
 */
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
              const without = withExclusion(text, name, value)
              return (
                <li key={value} className={styles['line']}>
                  <button
                    type="button"
                    className={styles['value']}
                    aria-pressed={part !== undefined}
                    disabled={part === undefined && asked === undefined}
                    onClick={({ shiftKey }) => {
                      if (shiftKey) onText(without ?? text)
                      else onText(part === undefined ? (asked ?? text) : withoutPart(text, part))
                    }}
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
                  {without === undefined ? null : (
                    <LeaveOut name={name} value={value} onPress={() => onText(without)} />
                  )}
                </li>
              )
            })}
            {exclusionsOf(text, name).map((part) => (
              <li key={`-${part.from}`} className={styles['line']}>
                <button
                  type="button"
                  className={styles['value']}
                  data-excluded=""
                  title="Bring it back"
                  onClick={() => onText(withoutPart(text, part))}
                >
                  <span className={styles['word']}>
                    <PlainText>{part.value}</PlainText>
                  </span>
                  <span className={styles['count']}>left out</span>
                </button>
              </li>
            ))}
          </ul>
          {valuesLeft === 0 ? null : (
            <p className={styles['left']}>and {valuesLeft.toLocaleString('en')} more</p>
          )}
        </section>
      ))}
    </section>
  )
}
