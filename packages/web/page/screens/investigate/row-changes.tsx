// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { pathText, type Change } from '../../model/changes.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty } from '../../parts/state.tsx'
import styles from './row-changes.module.css'

/** What was before and what is after, place by place. Signs say it as well as colours. */
export function RowChanges({ changes }: { readonly changes: readonly Change[] }): ReactNode {
  if (changes.length === 0) return <Empty title="Before and after are the same" />
  return (
    <dl className={styles['changes']}>
      {changes.map(({ path, kind, before, after }) => (
        <div key={pathText(path)} className={styles['change']} data-kind={kind}>
          <dt>
            <PlainText>{pathText(path)}</PlainText>
          </dt>
          {kind === 'added' ? null : (
            <dd className={styles['before']}>
              <span aria-hidden="true">−</span>
              <span className="aloud">before</span>
              <del>
                <PlainText>{valueText(before)}</PlainText>
              </del>
            </dd>
          )}
          {kind === 'removed' ? null : (
            <dd className={styles['after']}>
              <span aria-hidden="true">+</span>
              <span className="aloud">after</span>
              <ins>
                <PlainText>{valueText(after)}</PlainText>
              </ins>
            </dd>
          )}
        </div>
      ))}
    </dl>
  )
}

const valueText = (value: unknown): string => JSON.stringify(value, null, 1)
