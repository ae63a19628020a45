// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { useMe } from '../../ask/me.ts'
import { scopeIn, wordsIn, type KeyFacts } from '../../model/access.ts'
import { Field } from '../../parts/field.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Secret } from '../../parts/secret.tsx'
import styles from './access.module.css'

/** Makes a key. What one may not oneself is not offered; the server would refuse it. */
export function NewKey(): ReactNode {
  const me = useMe().data ?? null
  const queries = useQueryClient()
  const offered = [...new Set((me?.rights ?? []).flatMap(({ permissions }) => permissions))]
  const [name, setName] = useState('')
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(['audit:read']))
  const [tenants, setTenants] = useState('')
  const [codes, setCodes] = useState('')
  const [days, setDays] = useState('90')
  const toggle = (permission: string): void => {
    const next = new Set(chosen)
    if (!next.delete(permission)) next.add(permission)
    setChosen(next)
  }
  return (
    <FormDialog
      trigger="New key"
      look="main"
      title="New key"
      submit="Make the key"
      onSubmit={async () => {
        const made = await call<KeyFacts & { readonly key: string }>('/api/v1/api-keys', {
          method: 'POST',
          body: {
            name,
            permissions: offered.filter((each) => chosen.has(each)),
            ...(scopeIn(tenants) === undefined ? {} : { tenants: scopeIn(tenants) }),
            ...(wordsIn(codes) === undefined ? {} : { codes: wordsIn(codes) }),
            expires_in_days: Number(days),
          },
        })
        setName('')
        await queries.invalidateQueries({ queryKey: ['keys'] })
        return <Secret label={`The key ${made.name}`}>{made.key}</Secret>
      }}
    >
      <Field
        label="Name"
        description="What it is for."
        maxLength={128}
        value={name}
        onChange={setName}
        isRequired
      />
      <fieldset className={styles['checks']}>
        <legend>It may</legend>
        {offered.map((permission) => (
          <label key={permission} className={styles['check']}>
            <input type="checkbox" checked={chosen.has(permission)} onChange={() => toggle(permission)} />
            {permission}
          </label>
        ))}
      </fieldset>
      <Field
        label="Of tenants"
        description="Names with commas, _ for rows without a tenant. Empty: wherever you may."
        value={tenants}
        onChange={setTenants}
      />
      <Field
        label="Of codes"
        description="Such as REFUND_*. Empty: all, and the other streams."
        value={codes}
        onChange={setCodes}
      />
      <Field
        label="Days until it ends"
        inputMode="numeric"
        pattern="[0-9]{1,3}"
        value={days}
        onChange={setDays}
        isRequired
      />
    </FormDialog>
  )
}
