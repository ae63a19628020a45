// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { daysWords, keepingsOf, type RetentionFacts } from '../../model/retention.ts'
import { PlainText } from '../../parts/plain-text.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './retention.module.css'

const columns = [{ name: 'Rows' }, { name: 'Kept for', width: 'word' }, { name: 'Tenants' }] as const

/** What the fleet keeps for how long, and of whose rows it lets go what their node let go. They stand in the server's configuration. */
export function Rules({
  facts: { follow, policy, policy_hash },
}: {
  readonly facts: RetentionFacts
}): ReactNode {
  const keepings = keepingsOf(policy)
  return (
    <section aria-labelledby="rules">
      <h2 id="rules" className={styles['heading']}>
        Rules
      </h2>
      <p className={styles['about']}>
        {keepings.length === 0
          ? 'The fleet lets nothing go by itself: FLEET_RETENTION_RULES says nothing.'
          : 'What no line names is kept for ever.'}{' '}
        {follow === 'all' ? (
          'What a node lets go is let go here as well.'
        ) : follow.length === 0 ? (
          'What nodes let go stays here: this is their archive.'
        ) : (
          <>
            What a node lets go is let go here as well for <PlainText>{follow.join(', ')}</PlainText>.
          </>
        )}
      </p>
      {keepings.length === 0 ? null : (
        <Table label="Rules" columns={columns}>
          {keepings.map(({ what, where, days }) => (
            <tr key={`${what} ${where}`}>
              <th scope="row">
                <PlainText>{what}</PlainText>
              </th>
              <td className={cell.state}>{daysWords(days)}</td>
              <td>
                <PlainText>{where}</PlainText>
              </td>
            </tr>
          ))}
        </Table>
      )}
      <p className={styles['foot']} title={policy_hash}>
        In rows that tell of what went, this policy is <code>{policy_hash.slice(0, 12)}</code>
      </p>
    </section>
  )
}
