// SPDX-License-Identifier: Apache-2.0
import { useState, type ReactNode } from 'react'
import { Dialog, DialogTrigger, Heading, Modal, ModalOverlay } from 'react-aria-components'
import { Button } from './button.tsx'
import styles from './form-dialog.module.css'
import { Failed } from './state.tsx'

/**
 * A button, and what it asks before it does anything. `onSubmit` does it: what it throws is shown here and nothing is lost that was typed;
 * what it answers is shown in place of the form until somebody closes it, for what is seen once; answers it nothing, the dialog closes.
 */
export function FormDialog({
  trigger,
  label,
  look = 'plain',
  title,
  about,
  submit,
  isGrave = false,
  isWide = false,
  children,
  onSubmit,
}: {
  readonly trigger: string
  /** What the trigger is called where its word alone would not say of what. */
  readonly label?: string
  readonly look?: 'plain' | 'main' | 'quiet' | 'grave'
  readonly title: ReactNode
  readonly about?: ReactNode
  readonly submit: string
  /** It cannot be taken back. */
  readonly isGrave?: boolean
  /** Fields stand beside one another. */
  readonly isWide?: boolean
  readonly children?: ReactNode
  readonly onSubmit: () => Promise<ReactNode>
}): ReactNode {
  return (
    <DialogTrigger>
      <Button look={look} {...(label === undefined ? {} : { 'aria-label': label })}>
        {trigger}
      </Button>
      <ModalOverlay className={styles['shade'] ?? ''} isDismissable={false}>
        <Modal className={`${styles['modal']} ${isWide ? styles['wide'] : ''}`}>
          <Dialog className={styles['dialog'] ?? ''}>
            {({ close }) => (
              <>
                <Heading slot="title" level={2}>
                  {title}
                </Heading>
                <Asking about={about} submit={submit} isGrave={isGrave} onSubmit={onSubmit} close={close}>
                  {children}
                </Asking>
              </>
            )}
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  )
}

function Asking({
  about,
  submit,
  isGrave,
  children,
  onSubmit,
  close,
}: {
  readonly about: ReactNode
  readonly submit: string
  readonly isGrave: boolean
  readonly children: ReactNode
  readonly onSubmit: () => Promise<ReactNode>
  readonly close: () => void
}): ReactNode {
  const [isAsking, setAsking] = useState(false)
  const [error, setError] = useState<unknown>()
  const [answer, setAnswer] = useState<ReactNode>()

  const ask = async (): Promise<void> => {
    setAsking(true)
    setError(undefined)
    try {
      const given = await onSubmit()
      if (given === undefined) close()
      else setAnswer(given)
    } catch (problem) {
      setError(problem)
    } finally {
      setAsking(false)
    }
  }

  if (answer !== undefined)
    return (
      <div className={styles['form']} role="status">
        {answer}
        <div className={styles['foot']}>
          <Button look="main" onPress={close} autoFocus>
            Done
          </Button>
        </div>
      </div>
    )
  return (
    <form
      className={styles['form']}
      onSubmit={(event) => {
        event.preventDefault()
        if (!isAsking) void ask()
      }}
    >
      {about === undefined ? null : <p className={styles['about']}>{about}</p>}
      {children}
      {error === undefined ? null : <Failed error={error} />}
      <div className={styles['foot']}>
        <Button onPress={close}>Cancel</Button>
        <Button look={isGrave ? 'grave' : 'main'} type="submit" isPending={isAsking}>
          {submit}
        </Button>
      </div>
    </form>
  )
}
