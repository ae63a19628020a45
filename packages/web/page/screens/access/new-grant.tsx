// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { roles, scopeIn, wordsIn, type Role } from '../../model/access.ts'
import { Field } from '../../parts/field.tsx'
import { FormDialog } from '../../parts/form-dialog.tsx'
import { Select } from '../../parts/select.tsx'

const roleWords: Readonly<Record<Role, string>> = {
  viewer: 'viewer: reads rows and numbers',
  auditor: 'auditor: reads, exports and proves, for a time',
  operator: 'operator: reads, and runs the nodes',
  admin: 'admin: may everything',
}

/** Grants a role to a user or to a group of the identity provider. */
export function NewGrant(): ReactNode {
  const queries = useQueryClient()
  const [kind, setKind] = useState<'user' | 'group'>('user')
  const [name, setName] = useState('')
  const [role, setRole] = useState<Role>('viewer')
  const [tenants, setTenants] = useState('all')
  const [codes, setCodes] = useState('')
  const [until, setUntil] = useState('')
  return (
    <FormDialog
      trigger="Grant a role"
      look="main"
      title="Grant a role"
      submit="Grant it"
      onSubmit={async () => {
        await call('/api/v1/grants', {
          method: 'POST',
          body: {
            to: { [kind]: name },
            role,
            tenants: scopeIn(tenants),
            ...(wordsIn(codes) === undefined ? {} : { codes: wordsIn(codes) }),
            // The end of that day, in UTC.
            ...(until === '' ? {} : { expires_at: `${until}T23:59:59Z` }),
          },
        })
        setName('')
        await queries.invalidateQueries({ queryKey: ['grants'] })
        return undefined
      }}
    >
      <Select
        label="To a"
        value={kind}
        options={[
          ['user', 'user'],
          ['group', 'group of the identity provider'],
        ]}
        onChange={setKind}
      />
      <Field label="Name" value={name} onChange={setName} isRequired />
      <Select
        label="Role"
        value={role}
        options={roles.map((each) => [each, roleWords[each]] as const)}
        onChange={setRole}
      />
      <Field
        label="Over the tenants"
        description="Names with commas, _ for rows without a tenant, or all."
        value={tenants}
        onChange={setTenants}
        isRequired
      />
      <Field
        label="Of codes"
        description="Such as REFUND_*. Empty: all, and the other streams."
        value={codes}
        onChange={setCodes}
      />
      <Field
        label="Until"
        type="date"
        description={
          role === 'auditor' ? 'An audit ends: an auditor needs a day.' : 'Empty: it does not end by itself.'
        }
        value={until}
        onChange={setUntil}
        isRequired={role === 'auditor'}
      />
    </FormDialog>
  )
}
