// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { may, useMe } from '../../ask/me.ts'
import { useNow } from '../../ask/use-now.ts'
import type { UserFacts } from '../../model/access.ts'
import { Age } from '../../parts/age.tsx'
import { Field } from '../../parts/field.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Secret } from '../../parts/secret.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './access.module.css'

const columns = [
  { name: 'Name' },
  { name: 'State', width: 'words' },
  { name: 'Signs in through', width: 'words', isNamed: true },
  { name: 'Groups', isNamed: true },
  { name: 'Last login', width: 'word', isNamed: true },
  { name: 'Made', width: 'word', isNamed: true },
  { name: 'Change', isTools: true },
] as const

type WithPassword = UserFacts & { readonly one_time_password?: string }

/** Who can log in. */
export function Users(): ReactNode {
  const me = useMe().data ?? null
  const now = useNow()
  const found = useQuery({
    queryKey: ['users'],
    queryFn: ({ signal }) =>
      call<{ users: readonly UserFacts[] }>('/api/v1/users', { signal }).then(({ users }) => users),
  })
  if (found.isPending) return <Waiting what="Asking who can log in" />
  if (found.isError) return <Failed error={found.error} onRetry={() => void found.refetch()} />
  const mayManage = me !== null && may(me, 'access:manage')
  return (
    <>
      <div className={styles['bar']}>
        <p className={styles['about']}>
          A user may nothing until a role is granted. Who comes from an identity provider is made at the first
          login.
        </p>
        {mayManage ? <NewUser /> : null}
      </div>
      <Table label="Users" columns={mayManage ? columns : columns.slice(0, -1)}>
        {found.data.map((user) => (
          <UserLine key={user.user_id} user={user} mayManage={mayManage} now={now} />
        ))}
      </Table>
    </>
  )
}

function UserLine({
  user: { user_id, name, from, groups, locked_at, last_login_at, created_at },
  mayManage,
  now,
}: {
  readonly user: UserFacts
  readonly mayManage: boolean
  readonly now: number
}): ReactNode {
  const change = useChange(user_id)
  const isLocked = locked_at !== null
  return (
    <tr>
      <th scope="row">
        <PlainText>{name}</PlainText>
      </th>
      <td className={`${cell.state} ${isLocked ? cell.bad : cell.soft}`}>
        {isLocked ? (
          <>
            locked <Moment at={locked_at} shows="date" />
          </>
        ) : (
          'may log in'
        )}
      </td>
      <td>{from === 'local' ? 'this fleet' : <PlainText>{from}</PlainText>}</td>
      <td className={groups.length === 0 ? cell.none : undefined}>
        {groups.length === 0 ? '–' : <PlainText>{groups.join(', ')}</PlainText>}
      </td>
      <td>{last_login_at === null ? 'never' : <Age at={last_login_at} now={now} />}</td>
      <td>
        <Moment at={created_at} shows="date" />
      </td>
      {mayManage ? (
        <td className={cell.tools}>
          {from === 'local' ? (
            <FormDialog
              trigger="New password"
              label={`Give ${name} a new password`}
              look="quiet"
              title={
                <>
                  A new password for <PlainText>{name}</PlainText>?
                </>
              }
              about="The old one and every session end now. The new one is good for one login, at which it has to be changed."
              submit="Make a password"
              isGrave
              onSubmit={async () => {
                const { one_time_password: password = '' } = await change({ reset_password: true })
                return <Secret label={`The one-time password of ${name}`}>{password}</Secret>
              }}
            />
          ) : null}
          {isLocked ? (
            <FormDialog
              trigger="Unlock"
              label={`Unlock ${name}`}
              look="quiet"
              title={
                <>
                  Unlock <PlainText>{name}</PlainText>?
                </>
              }
              about="They may log in again, and their keys open what they did."
              submit="Unlock"
              onSubmit={async () => void (await change({ locked: false }))}
            />
          ) : (
            <FormDialog
              trigger="Lock"
              label={`Lock ${name}`}
              look="quiet"
              title={
                <>
                  Lock <PlainText>{name}</PlainText>?
                </>
              }
              about="Every session ends now, and their keys open nothing while they are locked."
              submit="Lock"
              isGrave
              onSubmit={async () => void (await change({ locked: true }))}
            />
          )}
        </td>
      ) : null}
    </tr>
  )
}

function useChange(userId: string): (body: object) => Promise<WithPassword> {
  const queries = useQueryClient()
  return async (body) => {
    const changed = await call<WithPassword>(`/api/v1/users/${encodeURIComponent(userId)}`, {
      method: 'PATCH',
      body,
    })
    await queries.invalidateQueries({ queryKey: ['users'] })
    return changed
  }
}

function NewUser(): ReactNode {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  return (
    <FormDialog
      trigger="New user"
      look="main"
      title="New user"
      about="With a password that is good for one login. What they may is said by a role, afterwards."
      submit="Make the user"
      onSubmit={async () => {
        const made = await call<WithPassword>('/api/v1/users', { method: 'POST', body: { name } })
        setName('')
        await queries.invalidateQueries({ queryKey: ['users'] })
        return <Secret label={`The one-time password of ${made.name}`}>{made.one_time_password ?? ''}</Secret>
      }}
    >
      <Field
        label="Name"
        description="Letters, digits and . _ @ + -"
        maxLength={128}
        value={name}
        onChange={setName}
        isRequired
      />
    </FormDialog>
  )
}
