// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Link, useSearchParams } from 'wouter'
import { call } from '../../ask/call.ts'
import { may, useMe } from '../../ask/me.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { holdNames, questionOf, type HoldFacts } from '../../model/retention.ts'
import { Field } from '../../parts/field.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './retention.module.css'

const columns = [
  { name: 'Rows' },
  { name: 'Why' },
  { name: 'State', width: 'words' },
  { name: 'Placed', width: 'word', isNamed: true },
  { name: 'By', width: 'word', isNamed: true },
  { name: 'Release', isTools: true, width: 'word' },
] as const

/** What stays whatever its time, and who ordered it. Those that ended are shown when asked for. */
export function Holds(): ReactNode {
  const me = useMe().data ?? null
  const [search, setSearch] = useSearchParams()
  const isAll = search.get('all') === '1'
  const found = useQuery({
    queryKey: ['holds', isAll],
    queryFn: ({ signal }) =>
      call<{ holds: readonly HoldFacts[] }>('/api/v1/holds', {
        search: isAll ? { all: true } : {},
        signal,
      }).then(({ holds }) => holds),
  })
  const mayManage = me !== null && may(me, 'config:manage')
  return (
    <section aria-labelledby="holds">
      <div className={styles['bar']}>
        <h2 id="holds">Holds</h2>
        <label className={styles['check']}>
          <input
            type="checkbox"
            checked={isAll}
            onChange={() => setSearch(isAll ? {} : { all: '1' }, { replace: true })}
          />
          Include ended holds
        </label>
      </div>
      {found.isPending ? (
        <Waiting what="Asking for the holds" />
      ) : found.isError ? (
        <Failed error={found.error} onRetry={() => void found.refetch()} />
      ) : found.data.length === 0 ? (
        <p className={styles['about']}>
          {isAll ? 'Nothing was ever held.' : 'Nothing is held: rows go when their time is over.'}
        </p>
      ) : (
        <Table label="Holds" columns={mayManage ? columns : columns.slice(0, -1)}>
          {found.data.toReversed().map((hold) => (
            <HoldLine key={hold.hold_id} hold={hold} mayManage={mayManage} />
          ))}
        </Table>
      )}
    </section>
  )
}

function HoldLine({
  hold: { hold_id, rows, reason, placed_at, placed_by, released_at, released_by },
  mayManage,
}: {
  readonly hold: HoldFacts
  readonly mayManage: boolean
}): ReactNode {
  const { text, since, until } = questionOf(rows)
  const question = { ...readInvestigation(''), text, since: since ?? '-30d', until: until ?? null }
  return (
    <tr>
      <th scope="row">
        <Link href={`/investigate${writeInvestigation(question)}`}>
          {holdNames
            .filter((name) => rows[name] !== undefined)
            .map((name) => (
              <span key={name} className={styles['named']}>
                <span className={cell.soft}>{name.replace('_id', '')}</span>{' '}
                <PlainText>{rows[name] ?? ''}</PlainText>
              </span>
            ))}
        </Link>
      </th>
      <td className={cell.grow}>
        <PlainText>{reason}</PlainText>
      </td>
      <td className={`${cell.state} ${released_at === null ? cell.warn : cell.soft}`}>
        {released_at === null ? (
          'in force'
        ) : (
          <>
            ended <Moment at={released_at} shows="date" /> by <PlainText>{released_by ?? ''}</PlainText>
          </>
        )}
      </td>
      <td>
        <Moment at={placed_at} shows="date" />
      </td>
      <td>
        <PlainText>{placed_by}</PlainText>
      </td>
      {mayManage ? (
        <td className={cell.tools}>{released_at === null ? <Release holdId={hold_id} /> : null}</td>
      ) : null}
    </tr>
  )
}

function Release({ holdId }: { readonly holdId: string }): ReactNode {
  const queries = useQueryClient()
  const [reason, setReason] = useState('')
  return (
    <FormDialog
      trigger="Release"
      label={`Release ${holdId}`}
      look="quiet"
      title="Release this hold?"
      about="Rows whose time is over go with the next sweep, and do not come back. That you released it, and why, stays for ever."
      submit="Release the hold"
      isGrave
      onSubmit={async () => {
        await call(`/api/v1/holds/${encodeURIComponent(holdId)}/release`, {
          method: 'POST',
          body: { reason },
        })
        await queries.invalidateQueries({ queryKey: ['holds'] })
        return undefined
      }}
    >
      <Field label="Why" maxLength={1000} value={reason} onChange={setReason} isRequired />
    </FormDialog>
  )
}
