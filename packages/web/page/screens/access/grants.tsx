// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { may, useMe } from '../../ask/me.ts'
import { scopeWords, type GrantFacts } from '../../model/access.ts'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './access.module.css'
import { NewGrant } from './new-grant.tsx'

const columns = [
  { name: 'Who' },
  { name: 'Role', width: 'word' },
  { name: 'Tenants', isNamed: true },
  { name: 'Codes', isNamed: true, width: 'words' },
  { name: 'Since', width: 'word', isNamed: true },
  { name: 'Ends', width: 'word', isNamed: true },
  { name: 'Granted by', width: 'words', isNamed: true },
  { name: 'Withdraw', isTools: true, width: 'word' },
] as const

/** Who holds which role, as far as one may see. */
export function Grants(): ReactNode {
  const me = useMe().data ?? null
  const found = useQuery({
    queryKey: ['grants'],
    queryFn: ({ signal }) =>
      call<{ grants: readonly GrantFacts[] }>('/api/v1/grants', { signal }).then(({ grants }) => grants),
  })
  if (found.isPending) return <Waiting what="Asking who may what" />
  if (found.isError) return <Failed error={found.error} onRetry={() => void found.refetch()} />
  const mayManage = me !== null && may(me, 'access:manage')
  return (
    <>
      <div className={styles['bar']}>
        <p className={styles['about']}>
          Nobody grants more than they hold. Roles that the configuration gives to groups are not listed.
        </p>
        {mayManage ? <NewGrant /> : null}
      </div>
      {found.data.length === 0 ? (
        <Empty title="No role is granted that you may see" />
      ) : (
        <Table label="Roles" columns={mayManage ? columns : columns.slice(0, -1)}>
          {found.data.map((grant) => (
            <GrantLine key={grant.grant_id} grant={grant} mayManage={mayManage} />
          ))}
        </Table>
      )}
    </>
  )
}

function GrantLine({
  grant: { grant_id, to, role, tenants, codes, created_at, created_by, expires_at },
  mayManage,
}: {
  readonly grant: GrantFacts
  readonly mayManage: boolean
}): ReactNode {
  const queries = useQueryClient()
  return (
    <tr>
      <th scope="row">
        <PlainText>{to}</PlainText>
      </th>
      <td className={cell.state}>{role}</td>
      <td>
        <PlainText>{scopeWords(tenants)}</PlainText>
      </td>
      <td>{codes === undefined ? 'all' : <PlainText>{codes.join(', ')}</PlainText>}</td>
      <td>
        <Moment at={created_at} shows="date" />
      </td>
      <td>{expires_at === null ? 'never' : <Moment at={expires_at} shows="date" />}</td>
      <td>
        <PlainText>{created_by}</PlainText>
      </td>
      {mayManage ? (
        <td className={cell.tools}>
          <FormDialog
            trigger="Withdraw"
            label={`Withdraw ${role} from ${to}`}
            look="quiet"
            title={
              <>
                Withdraw {role} from <PlainText>{to}</PlainText>?
              </>
            }
            about="It holds no longer, on every server at once, for keys that were made under it as well."
            submit="Withdraw the role"
            isGrave
            onSubmit={async () => {
              await call(`/api/v1/grants/${encodeURIComponent(grant_id)}`, { method: 'DELETE' })
              await queries.invalidateQueries({ queryKey: ['grants'] })
              return undefined
            }}
          />
        </td>
      ) : null}
    </tr>
  )
}
