// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { holdNames, type HoldName } from '../../model/retention.ts'
import { Field } from '../../parts/field.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Problem } from '../../ask/problem.ts'

const fields: Readonly<Record<HoldName, readonly [label: string, description?: string]>> = {
  code: ['Code', 'Such as REFUND_*'],
  actor: ['Actor'],
  target: ['Target'],
  request_id: ['Request'],
  tenant_id: ['Tenant', 'Needed where you do not see all tenants.'],
  since: ['From', 'As 2026-11-01T00:00:00Z'],
  until: ['Until', 'Empty: rows that are still to come as well.'],
}

/** Orders that rows stay. They have to fit everything that is given. */
export function NewHold(): ReactNode {
  const queries = useQueryClient()
  const [rows, setRows] = useState<Readonly<Partial<Record<HoldName, string>>>>({})
  const [reason, setReason] = useState('')
  const given = holdNames.flatMap((name) => {
    const value = rows[name]?.trim() ?? ''
    return value === '' ? [] : [[name, value] as const]
  })
  return (
    <FormDialog
      trigger="Place a hold"
      look="main"
      title="Place a hold"
      about="Rows that fit everything you name stay here whatever their time, until somebody releases the hold."
      submit="Hold these rows"
      onSubmit={async () => {
        if (given.length === 0)
          throw new Problem(
            400,
            'HOLD_EMPTY',
            'a hold names something: a code, somebody, a request or a time',
          )
        await call('/api/v1/holds', { method: 'POST', body: { rows: Object.fromEntries(given), reason } })
        setRows({})
        setReason('')
        await queries.invalidateQueries({ queryKey: ['holds'] })
        return undefined
      }}
    >
      {holdNames.map((name) => {
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
      })}
      <Field
        label="Why"
        description="For whoever asks in years: a case, a letter, a decision."
        maxLength={1000}
        value={reason}
        onChange={setReason}
        isRequired
      />
    </FormDialog>
  )
}
