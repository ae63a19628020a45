// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { filterNamed, type ReaderRow } from 'fasten/reader/remote'
import { JsonTree } from '../../parts/json-tree.tsx'
import { LeaveOut } from '../../parts/leave-out.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import styles from './row-members.module.css'

/** In the order of the questions that people ask: when, what, who, to whom, how it ended, where, and in which place of which log. */
const groups: readonly (readonly string[])[] = [
  [
    'timestamp',
    'code',
    'action',
    'event',
    'level',
    'severity',
    'method',
    'path',
    'route',
    'status',
    'duration_us',
  ],
  [
    'actor',
    'actor_kind',
    'on_behalf_of',
    'auth_method',
    'session_id',
    'target',
    'target_kind',
    'outcome',
    'reason',
  ],
  ['request_id', 'trace_id', 'span_id', 'caused_by', 'inbound_request_id'],
  ['service_id', 'source_node_id', 'tenant_id', 'log', 'monotonic_seq', 'hash', 'prev_hash'],
]
const bodies = ['detail', 'fields', 'source', 'disclosures', 'sd'] as const

/** The members of a row by name. One that can be asked for is a button that asks; with Shift, or by the minus beside it, it is left out. */
export function RowMembers({
  row,
  onAsk,
}: {
  readonly row: ReaderRow
  readonly onAsk: (more: string) => void
}): ReactNode {
  const members = row as unknown as Readonly<Record<string, unknown>>
  return (
    <div className={styles['members']}>
      {groups
        .map((names) => names.filter((name) => members[name] !== undefined))
        .filter((names) => names.length > 0)
        .map((names) => (
          <dl key={names[0]} className={styles['group']}>
            {names.map((name) => (
              <div key={name} className={styles['pair']}>
                <dt>{name}</dt>
                <dd>
                  <Member name={name} value={members[name]} onAsk={onAsk} />
                </dd>
              </div>
            ))}
          </dl>
        ))}
      {bodies
        .filter((name) => members[name] !== undefined)
        .map((name) => (
          <section key={name}>
            <h3>{name}</h3>
            <JsonTree value={members[name]} />
          </section>
        ))}
    </div>
  )
}

function Member({
  name,
  value,
  onAsk,
}: {
  readonly name: string
  readonly value: unknown
  readonly onAsk: (more: string) => void
}): ReactNode {
  if (name === 'timestamp') return <Moment at={String(value)} />
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  if (filterNamed(name) === undefined || text === '' || text.includes('"'))
    return <PlainText>{text}</PlainText>
  const spelled = `${name}:${/\s/.test(text) ? `"${text}"` : text}`
  return (
    <>
      <button
        type="button"
        className={styles['ask']}
        title={`Ask for ${name}:${text}`}
        onClick={({ shiftKey }) => onAsk(shiftKey ? `-${spelled}` : spelled)}
      >
        <PlainText>{text}</PlainText>
      </button>
      <LeaveOut name={name} value={text} onPress={() => onAsk(`-${spelled}`)} />
    </>
  )
}
