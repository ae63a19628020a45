// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import type { AgentRow } from 'fasten/reader/remote'
import { Link } from 'wouter'
import { callWords, failureWords } from '../../model/agents.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './agents.module.css'

const shownMax = 20
const columns = [{ name: 'Call' }, { name: 'When' }, { name: 'Outcome' }, { name: 'Agent' }, { name: 'Why' }]

/** Calls that did not succeed; each leads to its place in the tree of its request. */
export function Failures({ rows }: { readonly rows: readonly AgentRow[] }): ReactNode {
  if (rows.length === 0) return null
  return (
    <section aria-label="Failures" className={styles['section']}>
      <h2 className={styles['heading']}>
        Failures <span className={styles['count']}>{rows.length}</span>
      </h2>
      <Table label="Failures" columns={columns}>
        {rows.slice(0, shownMax).map((row) => {
          const { kind, name } = callWords(row)
          return (
            <tr key={row.id}>
              <th scope="row">
                <Link href={`/agents/${encodeURIComponent(row.request_id)}?row=${row.id}`}>
                  {kind} <PlainText>{name}</PlainText>
                </Link>
              </th>
              <td className={styles['when']}>
                <Moment at={row.timestamp} />
              </td>
              <td className={cell.bad}>{row.outcome}</td>
              <td>
                <PlainText>{row.actor ?? 'sealed'}</PlainText>
              </td>
              <td className={cell.grow}>
                <PlainText>{failureWords(row) || '–'}</PlainText>
              </td>
            </tr>
          )
        })}
      </Table>
      {rows.length > shownMax ? (
        <p className={styles['foot']}>{`${rows.length - shownMax} older ones are not listed.`}</p>
      ) : null}
    </section>
  )
}
