// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import type { StreamName } from 'fasten/core'
import { Button } from '../../parts/button.tsx'
import type { Action } from '../../parts/palette/actions.tsx'
import { Empty } from '../../parts/state.tsx'
import styles from './no-rows.module.css'

const plural: Readonly<Record<StreamName, string>> = {
  audit: 'Audit rows',
  api: 'API rows',
  sys: 'Lines of the system log',
}

/** A pane without rows: that its stream cannot have what is asked for, or that there is nothing in the window, and where to look then. */
export function NoRows({
  stream,
  because = [],
  wider = [],
}: {
  readonly stream: StreamName
  /** Fields of the question that rows of this stream do not have. */
  readonly because?: readonly string[]
  readonly wider?: readonly Action[]
}): ReactNode {
  if (because.length > 0)
    return (
      <Empty title={`${plural[stream]} have no ${because.join(' and no ')}`}>
        <p>The question asks for it, so none can match.</p>
      </Empty>
    )
  return (
    <Empty title="No rows here">
      <p>Nothing in this window of time matches the question.</p>
      {wider.length === 0 ? null : (
        <p className={styles['ways']}>
          {wider.map(({ name, run }) => (
            <Button key={name} onPress={run}>
              {name}
            </Button>
          ))}
        </p>
      )}
    </Empty>
  )
}
