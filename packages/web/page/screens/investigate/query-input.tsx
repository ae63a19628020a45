// SPDX-License-Identifier: Apache-2.0
import { useId, useState, type KeyboardEvent, type ReactNode, type Ref } from 'react'
import { completionsOf, type Completion } from '../../model/complete.ts'
import styles from './query-input.module.css'

/** A line of text that knows the fields and their values (ARIA combobox with a list that completes). */
export function QueryInput({
  ref,
  text,
  problems,
  onChange,
}: {
  readonly ref: Ref<HTMLInputElement>
  readonly text: string
  readonly problems: readonly string[]
  readonly onChange: (text: string) => void
}): ReactNode {
  const id = useId()
  const [caret, setCaret] = useState(0)
  const [chosen, setChosen] = useState(-1)
  const [isOpen, setOpen] = useState(false)
  const completions = isOpen ? completionsOf(text, caret) : []

  const take = ({ text: whole }: Completion): void => {
    onChange(whole)
    setChosen(-1)
    setCaret(whole.length)
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const picked = completions[chosen]
    if (event.key === 'ArrowDown' && completions.length > 0) setChosen((chosen + 1) % completions.length)
    else if (event.key === 'ArrowUp' && completions.length > 0)
      setChosen(chosen <= 0 ? completions.length - 1 : chosen - 1)
    else if (event.key === 'Enter' && picked !== undefined) take(picked)
    else if (event.key === 'Escape' && isOpen) setOpen(false)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  return (
    <div className={styles['wrap']}>
      <input
        ref={ref}
        className={styles['input']}
        role="combobox"
        aria-label="Question"
        aria-expanded={completions.length > 0}
        aria-controls={`${id}-list`}
        aria-autocomplete="list"
        aria-activedescendant={chosen < 0 ? undefined : `${id}-${chosen}`}
        aria-invalid={problems.length > 0}
        aria-describedby={problems.length > 0 ? `${id}-wrong` : undefined}
        autoComplete="off"
        spellCheck={false}
        placeholder="code:REFUND_* actor:u-42, a request id, or words that a row holds"
        value={text}
        onChange={(event) => {
          onChange(event.target.value)
          setCaret(event.target.selectionStart ?? event.target.value.length)
          setChosen(-1)
          setOpen(true)
        }}
        onBlur={() => setOpen(false)}
        onKeyDown={onKeyDown}
      />
      <ul
        id={`${id}-list`}
        role="listbox"
        aria-label="Completions"
        className={styles['list']}
        hidden={completions.length === 0}
      >
        {completions.map((completion, index) => (
          <li
            key={completion.text}
            id={`${id}-${index}`}
            role="option"
            aria-selected={index === chosen}
            className={styles['option']}
            // Before the input loses the focus.
            onPointerDown={(event) => {
              event.preventDefault()
              take(completion)
            }}
          >
            <code>{completion.shown}</code>
            <span>{completion.summary}</span>
          </li>
        ))}
      </ul>
      {problems.length === 0 ? null : (
        <p id={`${id}-wrong`} className={styles['wrong']} role="alert">
          {problems.join('; ')}
        </p>
      )}
    </div>
  )
}
