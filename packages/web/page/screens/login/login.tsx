// SPDX-License-Identifier: Apache-2.0
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { Button } from '../../parts/button.tsx'
import { Field } from '../../parts/field.tsx'
import { Mark } from '../../parts/mark.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { ChooseOwnPassword } from './choose-own-password.tsx'
import styles from './login.module.css'

interface LoggedIn {
  readonly must_change_password: boolean
}

/** How one may log in here; told by the server, since only it knows whether an identity provider is configured. */
interface Ways {
  readonly password: boolean
  readonly oidc: boolean
  /** By the address that was printed where the server was started, and not from here. */
  readonly link?: boolean
}

/** Who is nobody yet. The address stays what it was, so that after the login the page is there that was asked for. */
export function Login(): ReactNode {
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [error, setError] = useState<unknown>()
  const [isAsking, setAsking] = useState(false)
  const [mustChange, setMustChange] = useState(false)
  const queries = useQueryClient()
  const ways = useQuery({
    queryKey: ['ways'],
    staleTime: Infinity,
    queryFn: ({ signal }) => call<Ways>('/api/v1/login', { signal }),
  })

  const logIn = async (): Promise<void> => {
    setAsking(true)
    setError(undefined)
    try {
      const answer = await call<LoggedIn>('/api/v1/login', { method: 'POST', body: { name, password } })
      if (answer.must_change_password) setMustChange(true)
      else await queries.invalidateQueries()
    } catch (problem) {
      setError(problem)
    } finally {
      setAsking(false)
    }
  }

  if (ways.isPending) return <Waiting what="Asking how one gets in here" />
  if (ways.data?.link === true) return <ByLink />
  return (
    <main className={styles['login']}>
      <div className={styles['sheet']}>
        <Mark />
        {mustChange ? (
          <ChooseOwnPassword current={password} onDone={() => void queries.invalidateQueries()} />
        ) : (
          <>
            <h1>Log in</h1>
            {ways.data?.oidc === true ? (
              <a
                className={styles['provider']}
                href={`/api/v1/login/oidc?return_to=${encodeURIComponent(here())}`}
              >
                Continue with your organisation
              </a>
            ) : null}
            <form
              className={styles['form']}
              onSubmit={(event) => {
                event.preventDefault()
                void logIn()
              }}
            >
              <Field
                label="Name"
                name="name"
                autoComplete="username"
                value={name}
                onChange={setName}
                isRequired
                // There is nothing else to do here.
                autoFocus
              />
              <Field
                label="Password"
                name="password"
                type="password"
                autoComplete="current-password"
                value={password}
                onChange={setPassword}
                isRequired
              />
              <Button look="main" type="submit" isPending={isAsking}>
                Log in
              </Button>
            </form>
            {error === undefined ? null : <Failed error={error} />}
            <p className={styles['note']}>What is looked at here is recorded, as everything else is.</p>
          </>
        )}
      </div>
    </main>
  )
}

/** Where `fasten ui` was started anew, or another browser was opened first. */
function ByLink(): ReactNode {
  return (
    <main className={styles['login']}>
      <div className={styles['sheet']}>
        <Mark />
        <h1>Open it by its link</h1>
        <p className={styles['why']}>
          These rows are shown to one browser: the first that opened the address which <code>fasten ui</code>{' '}
          printed. Start it again for another link.
        </p>
      </div>
    </main>
  )
}

const here = (): string => `${location.pathname}${location.search}`
