// SPDX-License-Identifier: Apache-2.0
import { useEffect, useId, useState, type KeyboardEvent, type ReactNode } from 'react'
import { Dialog, Modal, ModalOverlay } from 'react-aria-components'
import { useLocation } from 'wouter'
import { destinationsOf, matching } from '../../model/destination.ts'
import { actionOf } from '../../model/keys.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { PlainText } from '../plain-text.tsx'
import type { Place } from '../shell/shell.tsx'
import { useActionList } from './actions.tsx'
import { KeyHelp } from './key-help.tsx'
import { useOpening } from './opening.tsx'
import styles from './palette.module.css'
import { recentQuestions } from './recent-questions.ts'

interface Choice {
  readonly name: string
  readonly kind: string
  readonly isText?: boolean
  run(): void
}

/** Everything that one can do or go to from here, by its name or by an id that was pasted; and the keys. Both open over whatever is shown. */
export function Palette({ places }: { readonly places: readonly Place[] }): ReactNode {
  const [open, setOpen] = useOpening()
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent): void => {
      const action = actionOf('Anywhere', event)
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement
      if (action === undefined || (action === 'help' && isTyping)) return
      event.preventDefault()
      setOpen(action)
    }
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [setOpen])
  return (
    <ModalOverlay
      className={styles['shade'] ?? ''}
      isOpen={open !== null}
      onOpenChange={(isOpen) => {
        if (!isOpen) setOpen(null)
      }}
      isDismissable
    >
      <Modal className={styles['modal'] ?? ''}>
        <Dialog className={styles['dialog'] ?? ''} aria-label={open === 'help' ? 'Keys' : 'Palette'}>
          {open === 'help' ? (
            <KeyHelp onClose={() => setOpen(null)} />
          ) : (
            <Chooser places={places} onHelp={() => setOpen('help')} onClose={() => setOpen(null)} />
          )}
        </Dialog>
      </Modal>
    </ModalOverlay>
  )
}

function Chooser({
  places,
  onHelp,
  onClose,
}: {
  readonly places: readonly Place[]
  readonly onHelp: () => void
  readonly onClose: () => void
}): ReactNode {
  const id = useId()
  const [typed, setTyped] = useState('')
  const [at, setAt] = useState(0)
  const [, navigate] = useLocation()
  const actions = useActionList()
  const go = (path: string) => () => navigate(path)
  const standing: readonly Choice[] = [
    ...actions.map(({ name, run }) => ({ name, kind: 'Do', run })),
    { name: 'Show the keys', kind: 'Do', run: onHelp },
    ...places.map(({ name, path }) => ({ name, kind: 'Go to', run: go(path) })),
    ...recentQuestions().map((text) => ({
      name: text,
      kind: 'Asked',
      isText: true,
      run: go(`/investigate${writeInvestigation({ ...readInvestigation(''), text })}`),
    })),
  ]
  const found = matching(standing, typed)
  const pasted: readonly Choice[] = destinationsOf(typed).map(({ name, path }) => ({
    name,
    kind: 'Find',
    isText: true,
    run: go(path),
  }))
  // A thing by its id is meant where it looks like one; a question is what is left.
  const choices = pasted.length > 1 ? [...pasted, ...found] : [...found, ...pasted]
  const chosen = choices[Math.min(at, choices.length - 1)]
  const take = (choice: Choice): void => {
    if (choice.run !== onHelp) onClose()
    choice.run()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'ArrowDown') setAt((Math.min(at, choices.length - 1) + 1) % choices.length)
    else if (event.key === 'ArrowUp')
      setAt((Math.min(at, choices.length - 1) + choices.length - 1) % choices.length)
    else if (event.key === 'Enter' && chosen !== undefined) take(chosen)
    else return
    event.preventDefault()
  }
  return (
    <>
      <input
        className={styles['input']}
        // The dialog was opened to type into it.
        autoFocus
        role="combobox"
        aria-label="What to do or find"
        aria-expanded
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen === undefined ? undefined : `${id}-${choices.indexOf(chosen)}`}
        autoComplete="off"
        spellCheck={false}
        placeholder="A place, an action, an id, or a citation"
        value={typed}
        onChange={(event) => {
          setTyped(event.target.value)
          setAt(0)
        }}
        onKeyDown={onKeyDown}
      />
      <ul id={`${id}-list`} role="listbox" aria-label="Choices" className={styles['list']}>
        {choices.slice(0, 40).map((choice, index) => (
          <li
            key={`${choice.kind}-${choice.name}`}
            id={`${id}-${index}`}
            role="option"
            aria-selected={choice === chosen}
            className={styles['choice']}
            ref={(element) => {
              if (choice === chosen) element?.scrollIntoView({ block: 'nearest' })
            }}
            onPointerMove={() => setAt(index)}
            onClick={() => take(choice)}
          >
            <span className={styles['kind']}>
              <span className={choices[index - 1]?.kind === choice.kind ? 'aloud' : ''}>{choice.kind}</span>
            </span>
            <span className={styles['name']}>
              {choice.isText === true ? <PlainText>{choice.name}</PlainText> : choice.name}
            </span>
          </li>
        ))}
      </ul>
      <p className={styles['foot']} aria-hidden="true">
        <kbd>↑</kbd> <kbd>↓</kbd> choose <kbd>Enter</kbd> take <kbd>Esc</kbd> close
      </p>
    </>
  )
}
