// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Problem } from '../ask/problem.ts'
import { Button } from './button.tsx'
import styles from './state.module.css'

/** Nothing to show, and that is an answer: says what was looked for, and what to try. */
export function Empty({
  title,
  level = 'p',
  children,
}: {
  readonly title: string
  /** `h1` where this is all of a page. */
  readonly level?: 'p' | 'h1'
  readonly children?: ReactNode
}): ReactNode {
  return (
    <div className={styles['state']} role="status">
      {level === 'h1' ? (
        <h1 className={styles['title']}>{title}</h1>
      ) : (
        <p className={styles['title']}>{title}</p>
      )}
      {children === undefined ? null : <div className={styles['more']}>{children}</div>}
    </div>
  )
}

/** Something is on its way. Told to who listens, and drawn only when it takes long enough to be noticed. */
export function Waiting({ what }: { readonly what: string }): ReactNode {
  return (
    <div className={styles['waiting']} role="status" data-waiting>
      <span className={styles['bar']} aria-hidden="true" />
      <span className={styles['late']}>{what}</span>
    </div>
  )
}

/** What went wrong, in the words of whoever said it, and the way on. */
export function Failed({
  error,
  onRetry,
}: {
  readonly error: unknown
  readonly onRetry?: (() => void) | undefined
}): ReactNode {
  const { title, text, hint, code } = told(error)
  return (
    <div className={styles['failed']} role="alert">
      <p className={styles['title']}>{title}</p>
      <p>{text}</p>
      {hint === undefined ? null : <p className={styles['hint']}>{hint}</p>}
      <p className={styles['foot']}>
        <code>{code}</code>
        {onRetry === undefined ? null : <Button onPress={onRetry}>Try again</Button>}
      </p>
    </div>
  )
}

interface Told {
  readonly title: string
  readonly text: string
  readonly hint?: string | undefined
  readonly code: string
}

const titles: Readonly<Record<number, string>> = {
  0: 'No answer',
  401: 'Not logged in',
  403: 'Not allowed',
  404: 'Not there',
  429: 'Too many questions at once',
  503: 'The server is busy',
}

function told(error: unknown): Told {
  if (error instanceof Problem) {
    const { status, code, hint, retryAfterS, message } = error
    const when = retryAfterS === undefined ? undefined : `It asks to wait ${retryAfterS} s.`
    return {
      title: titles[status] ?? 'This did not work',
      text: message,
      hint: [hint, when].filter((each) => each !== undefined).join(' ') || undefined,
      code,
    }
  }
  const said = error as Partial<Record<'code' | 'message' | 'hint', unknown>>
  return {
    title: 'This did not work',
    text: String(said.message ?? error),
    hint: typeof said.hint === 'string' ? said.hint : undefined,
    code: typeof said.code === 'string' ? said.code : 'PAGE_FAILED',
  }
}
