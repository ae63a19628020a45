// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { useNow } from '../../ask/use-now.ts'
import { browserWords, type SessionFacts } from '../../model/access.ts'
import { Age } from '../../parts/age.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './access.module.css'

const columns = [
  { name: 'User' },
  { name: 'Browser' },
  { name: 'Address', width: 'words' },
  { name: 'Begun', width: 'word', isNamed: true },
  { name: 'Last seen', width: 'word', isNamed: true },
  { name: 'Ends', width: 'word', isNamed: true },
  { name: 'End it', isTools: true, width: 'word' },
] as const

/** Where somebody is logged in now: oneself, or everybody for who may read the access of the whole fleet. */
export function Sessions(): ReactNode {
  const now = useNow()
  const queries = useQueryClient()
  const found = useQuery({
    queryKey: ['sessions'],
    queryFn: ({ signal }) =>
      call<{ sessions: readonly SessionFacts[] }>('/api/v1/sessions', { signal }).then(
        ({ sessions }) => sessions,
      ),
  })
  if (found.isPending) return <Waiting what="Asking who is logged in" />
  if (found.isError) return <Failed error={found.error} onRetry={() => void found.refetch()} />
  if (found.data.length === 0)
    return (
      <Empty title="No sessions">
        <p>Programs that ask with keys have no session.</p>
      </Empty>
    )
  return (
    <>
      <div className={styles['bar']}>
        <p>A session that is ended opens nothing from that moment on, on every server.</p>
      </div>
      <Table label="Sessions" columns={columns}>
        {found.data.map(
          ({
            session_id,
            user,
            auth_method,
            address,
            user_agent,
            created_at,
            last_seen_at,
            expires_at,
            is_own,
          }) => (
            <tr key={session_id}>
              <th scope="row">
                <PlainText>{user}</PlainText>
                {is_own ? <span className={styles['own']}>this one</span> : null}
              </th>
              <td title={user_agent ?? undefined}>
                {user_agent === null ? '–' : <PlainText>{browserWords(user_agent)}</PlainText>}
                <span className={cell.soft}> by {auth_method.replaceAll('_', ' ')}</span>
              </td>
              <td>{address === null ? '–' : <PlainText>{address}</PlainText>}</td>
              <td>
                <Age at={created_at} now={now} />
              </td>
              <td>
                <Age at={last_seen_at} now={now} />
              </td>
              <td>
                <Age at={expires_at} now={now} />
              </td>
              <td className={cell.tools}>
                {is_own ? null : (
                  <FormDialog
                    trigger="End"
                    label={`End the session of ${user}`}
                    look="quiet"
                    title="End this session?"
                    about={
                      <>
                        <PlainText>{user}</PlainText> has to log in again there. What was typed and not sent
                        is lost.
                      </>
                    }
                    submit="End the session"
                    isGrave
                    onSubmit={async () => {
                      await call(`/api/v1/sessions/${encodeURIComponent(session_id)}`, { method: 'DELETE' })
                      await queries.invalidateQueries({ queryKey: ['sessions'] })
                      return undefined
                    }}
                  />
                )}
              </td>
            </tr>
          ),
        )}
      </Table>
    </>
  )
}
