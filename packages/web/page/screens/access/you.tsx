// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { useMe, type Right } from '../../ask/me.ts'
import { useNewPassword } from '../../ask/use-new-password.ts'
import { scopeWords } from '../../model/access.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Failed } from '../../parts/state.tsx'
import { cell, Table } from '../../parts/table.tsx'
import styles from './access.module.css'
import { Permissions } from './permissions.tsx'

const rightColumns = [
  { name: 'Tenants' },
  { name: 'Codes', width: 'words', isNamed: true },
  { name: 'Permissions' },
] as const

/** Oneself: as whom one is known, what one may do, and one's password. */
export function You(): ReactNode {
  const me = useMe().data ?? null
  if (me === null) return null
  return (
    <>
      <dl className={styles['facts']}>
        <dt>Name</dt>
        <dd>
          <PlainText>{me.name}</PlainText>
        </dd>
        <dt>Recorded as</dt>
        <dd>
          <code>
            <PlainText>{me.actor}</PlainText>
          </code>
        </dd>
        <dt>Logged in by</dt>
        <dd>{me.auth_method.replaceAll('_', ' ')}</dd>
      </dl>
      <h2 className={styles['heading']}>What you may do</h2>
      <Table label="What you may do" columns={rightColumns}>
        {me.rights.map((right) => (
          <RightLine key={JSON.stringify(right)} right={right} />
        ))}
      </Table>
      {me.kind === 'user' && me.auth_method === 'password' ? <OwnPassword /> : null}
    </>
  )
}

function RightLine({ right: { tenants, codes, permissions } }: { readonly right: Right }): ReactNode {
  return (
    <tr>
      <th scope="row">
        <PlainText>{scopeWords(tenants)}</PlainText>
      </th>
      <td>{codes === undefined ? 'all' : <PlainText>{codes.join(', ')}</PlainText>}</td>
      <td className={cell.grow}>
        <Permissions of={permissions} />
      </td>
    </tr>
  )
}

function OwnPassword(): ReactNode {
  const [current, setCurrent] = useState('')
  const [isChanged, setChanged] = useState(false)
  const { wanted, again, differ, error, setWanted, setAgain, onSubmit } = useNewPassword(current, () => {
    setChanged(true)
    setCurrent('')
  })

  return (
    <section aria-labelledby="own-password">
      <h2 id="own-password" className={styles['heading']}>
        Password
      </h2>
      <form
        className={styles['password']}
        onSubmit={(event) => {
          setChanged(false)
          onSubmit(event)
        }}
      >
        <Field
          label="The one you have"
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={setCurrent}
          isRequired
        />
        <Field
          label="A new one"
          type="password"
          autoComplete="new-password"
          description="At least 12 characters. Your other sessions end."
          minLength={12}
          value={wanted}
          onChange={setWanted}
          isRequired
        />
        <Field
          label="The new one again"
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
          isInvalid={differ}
          isRequired
        />
        <div className={styles['row']}>
          <Button type="submit" isDisabled={differ}>
            Change the password
          </Button>
          {isChanged ? (
            <p role="status" className={cell.good}>
              It is changed; your other sessions have ended.
            </p>
          ) : null}
        </div>
        {error === undefined ? null : <Failed error={error} />}
      </form>
    </section>
  )
}
