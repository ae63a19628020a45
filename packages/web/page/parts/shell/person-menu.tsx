// SPDX-License-Identifier: Apache-2.0
import { useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import type { Me } from '../../ask/me.ts'
import { Button } from '../button.tsx'
import { PlainText } from '../plain-text.tsx'
import styles from './shell.module.css'

/** Who one is, and the way out; the session ends on the server, and everything that was asked is forgotten here. Where nobody logs in: what is looked at. */
export function PersonMenu({ me }: { readonly me: Me }): ReactNode {
  const queries = useQueryClient()
  const leave = async (): Promise<void> => {
    await call('/api/v1/logout', { method: 'POST', body: {} })
    queries.clear()
    location.assign('/')
  }
  if (me.kind === 'local')
    return (
      <p className={styles['looked']}>
        <PlainText>{me.name}</PlainText>
      </p>
    )
  return (
    <div className={styles['person']}>
      <p className={styles['looked']} title="Who you are here">
        <PlainText>{me.name}</PlainText>
      </p>
      <Button look="quiet" onPress={() => void leave()}>
        Log out
      </Button>
    </div>
  )
}
