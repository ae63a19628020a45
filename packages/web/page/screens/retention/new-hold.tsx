// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query'
import { parsePageQuery } from 'fasten/reader/remote'
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { nowMicros } from '../../ask/now.ts'
import { Problem } from '../../ask/problem.ts'
import { createReader } from '../../ask/reader.ts'
import { totalWords } from '../../model/codes.ts'
import { holdOf, type HoldName, type TypedHold } from '../../model/retention.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Failed } from '../../parts/state.tsx'
import styles from './retention.module.css'

const reader = createReader(location.origin)

const fields: Readonly<Record<HoldName, readonly [label: string, description?: string]>> = {
  code: ['Code', 'Such as REFUND_*'],
  actor: ['Actor', 'Such as user:ada'],
  target: ['Target', 'Such as order:77'],
  request_id: ['Request'],
  tenant_id: ['Tenant', 'Needed where you do not see all tenants.'],
  since: ['From', '-7d, 2026-11-01 or 2026-11-01T14:30:00Z'],
  until: ['Until', 'Empty: rows that are still to come as well.'],
}

/** In pairs, both ends of the window beside one another. */
const asked: readonly HoldName[] = ['code', 'actor', 'target', 'request_id', 'since', 'until', 'tenant_id']

/** Orders that rows stay. They have to fit everything that is given. */
export function NewHold(): ReactNode {
  const queries = useQueryClient()
  const [rows, setRows] = useState<TypedHold>({})
  const [reason, setReason] = useState('')
  const field = (name: HoldName): ReactNode => {
    const [label, description] = fields[name]
    return (
      <Field
        key={name}
        label={label}
        {...(description === undefined ? {} : { description })}
        maxLength={512}
        value={rows[name] ?? ''}
        onChange={(value) => setRows({ ...rows, [name]: value })}
      />
    )
  }
  return (
    <FormDialog
      trigger="Place a hold"
      look="main"
      title="Place a hold"
      about="Rows that fit everything you name stay here whatever their time, until somebody releases the hold."
      submit="Hold these rows"
      isWide
      onSubmit={async () => {
        await call('/api/v1/holds', { method: 'POST', body: { rows: wholeHold(rows), reason } })
        setRows({})
        setReason('')
        await queries.invalidateQueries({ queryKey: ['holds'] })
        return undefined
      }}
    >
      <Field
        label="Why"
        description="For whoever asks in years: a case, a letter, a decision."
        maxLength={1000}
        value={reason}
        onChange={setReason}
        isRequired
      />
      <div className={styles['pair']}>{asked.map(field)}</div>
      <Count key={JSON.stringify(rows)} rows={rows} />
    </FormDialog>
  )
}

/** How many of the rows that are here would be held. It is asked for and not told by itself: each answer is a reading, which the trail keeps. */
function Count({ rows }: { readonly rows: TypedHold }): ReactNode {
  const [told, setTold] = useState<string>()
  const [error, setError] = useState<unknown>()
  const ask = async (): Promise<void> => {
    setError(undefined)
    try {
      const search = new URLSearchParams({ ...wholeHold(rows), limit: '1', total: 'exact' })
      const query = parsePageQuery(search, 'audit', nowMicros())
      if (!query.ok) throw new TypeError(query.problems[0]?.detail)
      const { total, total_kind } = await reader.page(query.value)
      setTold(`${totalWords(total, total_kind)} audit ${total === 1 ? 'row' : 'rows'} here now`)
    } catch (problem) {
      setError(problem)
    }
  }
  return (
    <div className={styles['counted']}>
      <Button onPress={() => void ask()}>Count the rows</Button>
      <p role="status">{told}</p>
      {error === undefined ? null : <Failed error={error} />}
    </div>
  )
}

function wholeHold(rows: TypedHold): Readonly<Record<string, string>> {
  const hold = holdOf(rows, nowMicros())
  if (!hold.ok) throw new Problem(400, 'HOLD_NOT_WHOLE', hold.detail)
  return hold.rows
}
