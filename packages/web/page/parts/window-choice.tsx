// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { Dialog, DialogTrigger, Popover } from 'react-aria-components'
import { usualWindows } from '../model/windows.ts'
import { Button } from './button.tsx'
import { Field } from './field.tsx'
import menu from './popover-menu.module.css'
import styles from './window-choice.module.css'

/** The window of time: one of the usual ones, or two times as the reader's API takes them. */
export function WindowChoice({
  since,
  until,
  onChange,
}: {
  readonly since: string
  readonly until: string | null
  readonly onChange: (changes: { readonly since: string; readonly until: string | null }) => void
}): ReactNode {
  const [from, setFrom] = useState(since)
  const [to, setTo] = useState(until ?? '')
  const name =
    until === null
      ? (usualWindows.find(([each]) => each === since)?.[1] ?? `Since ${since}`)
      : `${since} to ${until}`
  return (
    <DialogTrigger>
      <Button>{name}</Button>
      <Popover placement="bottom end" className={menu['popover'] ?? ''}>
        <Dialog className={styles['dialog'] ?? ''} aria-label="Window of time">
          {({ close }) => (
            <>
              <div className={styles['usual']}>
                {usualWindows.map(([each, label]) => (
                  <Button
                    key={each}
                    look="quiet"
                    aria-pressed={until === null && since === each}
                    onPress={() => {
                      onChange({ since: each, until: null })
                      close()
                    }}
                  >
                    {label}
                  </Button>
                ))}
              </div>
              <form
                className={styles['own']}
                onSubmit={(event) => {
                  event.preventDefault()
                  onChange({ since: from, until: to === '' ? null : to })
                  close()
                }}
              >
                <Field
                  label="From"
                  description="2026-11-26, 2026-11-26T14:30:00Z or -2h"
                  value={from}
                  onChange={setFrom}
                  isRequired
                />
                <Field label="Until" description="Empty is now." value={to} onChange={setTo} />
                <Button look="main" type="submit">
                  Show
                </Button>
              </form>
            </>
          )}
        </Dialog>
      </Popover>
    </DialogTrigger>
  )
}
