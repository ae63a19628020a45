// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { rowFace } from '../../model/row-face.ts'
import type { TrailLine } from '../../model/trail.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './trail.module.css'

/** One line of the trail; where it stands for several rows, these when it is unfolded. */
export function TrailRow({
  line: { row, who, name, did, to, others },
  selected,
  onSelect,
  onWho,
}: {
  readonly line: TrailLine
  readonly selected: string | null
  readonly onSelect: (id: string) => void
  readonly onWho: (who: string) => void
}): ReactNode {
  const [isUnfolded, setUnfolded] = useState(false)
  const { tone } = rowFace(row)
  return (
    <li>
      <div className={styles['line']} data-tone={tone} data-selected={row.id === selected}>
        <Moment at={row.timestamp} shows="second" />
        {who === null ? (
          <span className={styles['who']}>{name}</span>
        ) : (
          <button
            type="button"
            className={styles['who']}
            aria-label={`${name}, show only what ${who} did`}
            title={`Only ${who}`}
            onClick={() => onWho(who)}
          >
            <PlainText>{name}</PlainText>
          </button>
        )}
        <button
          type="button"
          className={styles['did']}
          aria-pressed={row.id === selected}
          onClick={() => onSelect(row.id)}
        >
          <span className={styles['words']}>
            <span className={styles['verb']}>
              <PlainText>{did}</PlainText>
            </span>
            {to === '' ? null : (
              <>
                {' '}
                <PlainText>{to}</PlainText>
              </>
            )}
            {row.outcome === 'success' ? null : <span className={styles['outcome']}> {row.outcome}</span>}
            {row.reason === undefined ? null : (
              <span className={styles['reason']}>
                {' '}
                <PlainText>{row.reason}</PlainText>
              </span>
            )}
          </span>
          <code className={styles['code']}>{row.code}</code>
        </button>
        {others.length === 0 ? null : (
          <button
            type="button"
            className={styles['times']}
            aria-expanded={isUnfolded}
            aria-label={`${others.length + 1} times in a row`}
            onClick={() => setUnfolded(!isUnfolded)}
          >
            {others.length + 1} ×
          </button>
        )}
      </div>
      {isUnfolded ? (
        <ol className={styles['others']}>
          {others.map(({ id, timestamp }) => (
            <li key={id}>
              <button
                type="button"
                className={styles['other']}
                aria-pressed={id === selected}
                onClick={() => onSelect(id)}
              >
                <Moment at={timestamp} /> <code>{id}</code>
              </button>
            </li>
          ))}
        </ol>
      ) : null}
    </li>
  )
}
