// SPDX-License-Identifier: Apache-2.0
import { useState, type FormEvent } from 'react'
import { call } from './call.ts'

/** A new password as it is typed, twice, and handed in. */
export interface NewPassword {
  readonly wanted: string
  readonly again: string
  /** The second is another than the first. */
  readonly differ: boolean
  /** Why it was not taken, since the last try. */
  readonly error: unknown
  setWanted(text: string): void
  setAgain(text: string): void
  /** Of the form: does nothing while the two differ. */
  onSubmit(event: FormEvent): void
}

/** Changes the own password, of which `current` is the one until now; both fields are empty again once `onDone` was told. */
export function useNewPassword(current: string, onDone: () => void): NewPassword {
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
      setWanted('')
      setAgain('')
    } catch (problem) {
      setError(problem)
    }
  }

  return {
    wanted,
    again,
    differ,
    error,
    setWanted,
    setAgain,
    onSubmit(event) {
      event.preventDefault()
      if (!differ) void change()
    },
  }
}
