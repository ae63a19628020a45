// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { useNewPassword } from '../../ask/use-new-password.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Failed } from '../../parts/state.tsx'
import styles from './login.module.css'

/** A password that somebody else chose opens one thing: choosing one's own. */
export function ChooseOwnPassword({
  current,
  onDone,
}: {
  readonly current: string
  readonly onDone: () => void
}): ReactNode {
  const { wanted, again, differ, error, setWanted, setAgain, onSubmit } = useNewPassword(current, onDone)

  return (
    <>
      <h1>Choose a password of your own</h1>
      <p className={styles['why']}>The one you logged in with was chosen by somebody else, and ends here.</p>
      <form className={styles['form']} onSubmit={onSubmit}>
        <Field
          label="New password"
          type="password"
          autoComplete="new-password"
          description="At least 12 characters."
          minLength={12}
          value={wanted}
          onChange={setWanted}
          isRequired
        />
        <Field
          label="The same again"
          type="password"
          autoComplete="new-password"
          value={again}
          onChange={setAgain}
          isInvalid={differ}
          isRequired
        />
        <Button look="main" type="submit" isDisabled={differ}>
          Change and go on
        </Button>
      </form>
      {error === undefined ? null : <Failed error={error} />}
    </>
  )
}
