// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import type { ApprovalAsked } from '../../model/agents.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './agents.module.css'

const shownMax = 20
const columns = [
  { name: 'Tool' },
  { name: 'When' },
  { name: 'State' },
  { name: 'Decided by' },
  { name: 'Asked by' },
  { name: 'Why' },
]

/** What agents had to be let do: what waits for somebody first. */
export function Approvals({ approvals }: { readonly approvals: readonly ApprovalAsked[] }): ReactNode {
  if (approvals.length === 0) return null
  const waiting = approvals.filter(({ answer }) => answer === null).length
  return (
    <section aria-label="Approvals" className={styles['section']}>
      <h2 className={styles['heading']}>
        Approvals
        <span className={waiting > 0 ? styles['waiting'] : styles['count']}>
          {waiting > 0 ? `${waiting} waiting` : approvals.length}
        </span>
      </h2>
      <Table label="Approvals" columns={columns}>
        {approvals.slice(0, shownMax).map((approval) => (
          <Line key={(approval.asked ?? approval.answer)?.id} approval={approval} />
        ))}
      </Table>
      {approvals.length > shownMax ? (
        <p className={styles['foot']}>{`${approvals.length - shownMax} more are not listed.`}</p>
      ) : null}
    </section>
  )
}

function Line({ approval: { asked, answer } }: { readonly approval: ApprovalAsked }): ReactNode {
  const row = asked ?? answer
  if (row === null) return null
  const isGranted = answer?.code === 'APPROVAL_GRANTED'
  return (
    <tr>
      <th scope="row">
        <Link href={`/agents/${encodeURIComponent(row.request_id)}?row=${row.id}`}>
          <PlainText>{row.target ?? 'sealed'}</PlainText>
        </Link>
      </th>
      <td className={styles['when']}>
        <Moment at={row.timestamp} />
      </td>
      <td className={answer === null ? cell.warn : isGranted ? cell.good : cell.bad}>
        {answer === null ? 'waiting' : isGranted ? 'granted' : 'denied'}
      </td>
      <td>{answer === null ? '–' : <PlainText>{answer.actor ?? 'sealed'}</PlainText>}</td>
      <td>{asked === null ? '–' : <PlainText>{asked.actor ?? 'sealed'}</PlainText>}</td>
      <td className={cell.grow}>
        {answer?.reason === undefined ? '–' : <PlainText>{answer.reason}</PlainText>}
      </td>
    </tr>
  )
}
