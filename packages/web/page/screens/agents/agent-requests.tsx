// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { decimalText } from 'fasten/reader/remote'
import { Link } from 'wouter'
import { columnDigitsMax, digitsFor, moneyText, type AgentRequest } from '../../model/agents.ts'
import { Button } from '../../parts/button.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './agents.module.css'

const step = 50
const columns = [
  { name: 'Request' },
  { name: 'Begun' },
  { name: 'Agent' },
  { name: 'For' },
  { name: 'Model calls', isNumber: true },
  { name: 'Tool calls', isNumber: true },
  { name: 'Failed', isNumber: true },
  { name: 'Cost', isNumber: true },
]

/** The requests in which agents did something; each leads to its tree. */
export function AgentRequests({ requests }: { readonly requests: readonly AgentRequest[] }): ReactNode {
  const [shown, setShown] = useState(step)
  const digits = digitsFor(
    requests.map(({ sums }) => sums.cost),
    columnDigitsMax,
  )
  return (
    <section aria-label="Requests" className={styles['section']}>
      <h2 className={styles['heading']}>
        Requests <span className={styles['count']}>{requests.length.toLocaleString('en')}</span>
      </h2>
      <Table label="Requests" columns={columns}>
        {requests.slice(0, shown).map(({ request_id, actor, on_behalf_of, sums, started_at }) => {
          const failed = sums.failures + sums.toolFailures
          return (
            <tr key={request_id}>
              <th scope="row">
                <Link href={`/agents/${encodeURIComponent(request_id)}`}>
                  <code>
                    <PlainText>{request_id}</PlainText>
                  </code>
                </Link>
              </th>
              <td className={styles['when']}>
                <Moment at={started_at} />
              </td>
              <td>
                <PlainText>{actor ?? 'sealed'}</PlainText>
              </td>
              <td>{on_behalf_of === undefined ? '–' : <PlainText>{on_behalf_of}</PlainText>}</td>
              <td className={cell.number}>{sums.calls.toLocaleString('en')}</td>
              <td className={cell.number}>{sums.tools.toLocaleString('en')}</td>
              <td className={`${cell.number} ${failed > 0 ? cell.bad : ''}`}>
                {failed === 0 ? '–' : failed.toLocaleString('en')}
              </td>
              <td className={cell.number} title={`$${decimalText(sums.cost)}`}>
                {sums.calls === 0
                  ? '–'
                  : sums.costUnknown === sums.calls
                    ? 'no price'
                    : moneyText(sums.cost, digits)}
              </td>
            </tr>
          )
        })}
      </Table>
      {requests.length > shown ? (
        <p className={styles['foot']}>
          <Button onPress={() => setShown(shown + step)}>{`${requests.length - shown} older`}</Button>
        </p>
      ) : null}
    </section>
  )
}
