// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { has, may, useMe } from '../../ask/me.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { Button } from '../../parts/button.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty } from '../../parts/state.tsx'
import styles from './request.module.css'

/** No row under an id: why that may be, and where to look next. */
export function NoSuchRequest({
  id,
  isAsking,
  onAsk,
}: {
  readonly id: string
  readonly isAsking: boolean
  readonly onAsk: () => void
}): ReactNode {
  const me = useMe().data ?? null
  const search = writeInvestigation({ ...readInvestigation(''), text: id, since: '-30d' })
  return (
    <section aria-label="Request">
      <header className={styles['head']}>
        <p className={styles['path']}>
          <Link href="/investigate">Investigate</Link>
        </p>
        <h1 className={styles['title']}>
          Request{' '}
          <code>
            <PlainText>{id}</PlainText>
          </code>
        </h1>
      </header>
      <Empty title="There is no row under this id">
        <p>
          The id may be cut short, its rows may have expired or be hidden from you, or the node that has them
          has not handed them in yet.
        </p>
        <p>
          <Link href={`/investigate${search}`}>Search 30 days for it</Link>
        </p>
        {me !== null && has(me, '/nodes') && may(me, 'nodes:read') ? (
          <p>
            <Link href="/nodes">See which nodes are behind</Link>
          </p>
        ) : null}
        <p>
          <Button isDisabled={isAsking} onPress={onAsk}>
            Look again
          </Button>
        </p>
      </Empty>
    </section>
  )
}
