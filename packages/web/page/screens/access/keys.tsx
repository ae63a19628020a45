// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { useNow } from '../../ask/use-now.ts'
import {
  keysInOrder,
  permissionWords,
  scopeWords,
  standingOfKey,
  type KeyFacts,
  type KeyStanding,
} from '../../model/access.ts'
import { Age } from '../../parts/age.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './access.module.css'
import { NewKey } from './new-key.tsx'
import { Permissions } from './permissions.tsx'

const columns = [
  { name: 'Name' },
  { name: 'State', width: 'word' },
  { name: 'Permissions' },
  { name: 'Tenants', width: 'word', isNamed: true },
  { name: 'Last used', width: 'word', isNamed: true },
  { name: 'Ends', width: 'word', isNamed: true },
  { name: 'Made by', width: 'word', isNamed: true },
  { name: 'Revoke', isTools: true, width: 'word' },
] as const

const words: Readonly<Record<KeyStanding, readonly [text: string, tone: string | undefined]>> = {
  good: ['in use', cell.good],
  soon: ['ends soon', cell.warn],
  expired: ['ended', cell.soft],
  revoked: ['revoked', cell.soft],
}

/** Keys for programs: one's own, or everybody's for who may read the access of the whole fleet. */
export function Keys(): ReactNode {
  const now = useNow()
  const found = useQuery({
    queryKey: ['keys'],
    queryFn: ({ signal }) =>
      call<{ keys: readonly KeyFacts[] }>('/api/v1/api-keys', { signal }).then(({ keys }) => keys),
  })
  if (found.isPending) return <Waiting what="Asking for the keys" />
  if (found.isError) return <Failed error={found.error} onRetry={() => void found.refetch()} />

  return (
    <>
      <div className={styles['bar']}>
        <p className={styles['about']}>
          A key does at most what its maker may, and ends with what its maker may.
        </p>
        <NewKey />
      </div>
      {found.data.length === 0 ? (
        <Empty title="There is no key yet">
          <p>A program asks with one: it names what it may do, where, and until when.</p>
        </Empty>
      ) : (
        <Table label="Keys" columns={columns}>
          {keysInOrder(found.data, now).map((key) => (
            <KeyLine key={key.key_id} of={key} standing={standingOfKey(key, now)} now={now} />
          ))}
        </Table>
      )}
    </>
  )
}

function KeyLine({
  of: { key_id, name, permissions, tenants, codes, last_used_at, expires_at, created_by },
  standing,
  now,
}: {
  readonly of: KeyFacts
  readonly standing: KeyStanding
  readonly now: number
}): ReactNode {
  const queries = useQueryClient()
  const [text, tone] = words[standing]
  const isOver = standing === 'expired' || standing === 'revoked'
  return (
    <tr className={isOver ? styles['over'] : undefined}>
      <th scope="row">
        <PlainText>{name}</PlainText>
      </th>
      <td className={`${cell.state} ${tone}`}>{text}</td>
      <td className={cell.grow}>
        <details>
          <summary className={styles['summary']}>
            {permissionWords(permissions)}
            {codes === undefined ? null : (
              <>
                {' of '}
                <PlainText>{codes.join(', ')}</PlainText>
              </>
            )}
          </summary>
          <Permissions of={permissions} />
          <p className={cell.soft}>
            In rows it is <code>api_key:{key_id}</code>
          </p>
        </details>
      </td>
      <td>
        <PlainText>{scopeWords(tenants)}</PlainText>
      </td>
      <td>{last_used_at === null ? 'never' : <Age at={last_used_at} now={now} />}</td>
      <td>
        <Moment at={expires_at} shows="date" />
      </td>
      <td>
        <PlainText>{created_by}</PlainText>
      </td>
      <td className={cell.tools}>
        {isOver ? null : (
          <FormDialog
            trigger="Revoke"
            label={`Revoke the key ${name}`}
            look="quiet"
            title={
              <>
                Revoke <PlainText>{name}</PlainText>?
              </>
            }
            about="Whatever asks with it is refused from now on, on every server. It cannot be given back."
            submit="Revoke the key"
            isGrave
            onSubmit={async () => {
              await call(`/api/v1/api-keys/${encodeURIComponent(key_id)}`, { method: 'DELETE' })
              await queries.invalidateQueries({ queryKey: ['keys'] })
              return undefined
            }}
          />
        )}
      </td>
    </tr>
  )
}
