// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
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
  const [wanted, setWanted] = useState('')
  const [again, setAgain] = useState('')
  const [error, setError] = useState<unknown>()
  const differ = again !== '' && again !== wanted

  const change = async (): Promise<void> => {
    setError(undefined)
    try {
      await call('/api/v1/password', {
        method: 'POST',
        body: { current_password: current, new_password: wanted },
      })
      onDone()
    } catch (problem) {
      setError(problem)
    }
  }

  return (
    <>
      <h1>Choose a password of your own</h1>
      <p className={styles['why']}>The one you logged in with was chosen by somebody else, and ends here.</p>
      <form
        className={styles['form']}
        onSubmit={(event) => {
          event.preventDefault()
          if (!differ) void change()
        }}
      >
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
