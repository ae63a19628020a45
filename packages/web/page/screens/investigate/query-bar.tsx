// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, useState, type ReactNode } from 'react'
import { ToggleButton } from 'react-aria-components'
import { actionOf } from '../../model/keys.ts'
import type { TailState } from '../../ask/use-tail.ts'
import type { Investigation } from '../../model/investigation.ts'
import { Button } from '../../parts/button.tsx'
import { WindowChoice } from '../../parts/window-choice.tsx'
import type { ChangeInvestigation } from './investigate.tsx'
import { QueryInput } from './query-input.tsx'
import { ViewMenu } from './view-menu.tsx'
import styles from './query-bar.module.css'

/** The question: what, when, and whether it goes on. */
export function QueryBar({
  investigation,
  problems,
  tail,
  isPaused,
  onChange,
  children,
}: {
  readonly investigation: Investigation
  readonly problems: readonly string[]
  readonly tail: TailState
  readonly isPaused: boolean
  readonly onChange: ChangeInvestigation
  /** What else is done with the answer. */
  readonly children?: ReactNode
}): ReactNode {
  const [text, setText] = useState(investigation.text)
  const input = useRef<HTMLInputElement>(null)
  useEffect(() => setText(investigation.text), [investigation.text])
  useEffect(() => {
    const onSlash = (event: globalThis.KeyboardEvent): void => {
      if (actionOf('Question', event) !== 'question' || event.target instanceof HTMLInputElement) return
      event.preventDefault()
      input.current?.select()
    }
    document.addEventListener('keydown', onSlash)
    return () => document.removeEventListener('keydown', onSlash)
  }, [])

  return (
    <form
      className={styles['bar']}
      role="search"
      onSubmit={(event) => {
        event.preventDefault()
        onChange({ text })
      }}
    >
      <h1 className="aloud">Investigate</h1>
      <QueryInput ref={input} text={text} problems={problems} onChange={setText} />
      <span className={styles['ask']}>
        <Button type="submit">Ask</Button>
      </span>
      <WindowChoice
        since={investigation.since}
        until={investigation.until}
        onChange={(window) => onChange(window.until === null ? window : { ...window, isLive: false })}
      />
      <ToggleButton
        className={styles['live'] ?? ''}
        data-paused={isPaused || undefined}
        isSelected={investigation.isLive}
        isDisabled={investigation.until !== null}
        // New rows come on top, so that is where the newest are.
        onChange={(isLive) => onChange(isLive ? { isLive, order: 'newest' } : { isLive })}
      >
        <span
          className={styles['lamp']}
          data-state={isPaused && tail.state === 'live' ? 'paused' : tail.state}
          aria-hidden="true"
        />
        {tailWord(tail.state, isPaused)}
      </ToggleButton>
      <ViewMenu investigation={investigation} onChange={onChange} />
      {children}
    </form>
  )
}

function tailWord(state: TailState['state'], isPaused: boolean): string {
  if (state === 'off') return 'Follow'
  if (state === 'failed') return 'Follow again'
  if (state === 'connecting') return 'Connecting'
  return isPaused ? 'Paused' : 'Live'
}
