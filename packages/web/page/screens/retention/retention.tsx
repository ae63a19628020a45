// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { may, useMe } from '../../ask/me.ts'
import { useNow } from '../../ask/use-now.ts'
import type { RetentionFacts } from '../../model/retention.ts'
import { Age } from '../../parts/age.tsx'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { Holds } from './holds.tsx'
import { NewHold } from './new-hold.tsx'
import { Rules } from './rules.tsx'
import { Sweeps } from './sweeps.tsx'

/** How long rows of nodes are kept here, what was let go, and what stays whatever its time. */
export function Retention(): ReactNode {
  const me = useMe().data ?? null
  const now = useNow()
  const found = useQuery({
    queryKey: ['retention'],
    queryFn: ({ signal }) => call<RetentionFacts>('/api/v1/retention', { signal }),
  })
  return (
    <>
      <PlaceHead
        title="Retention"
        about={
          found.data?.swept_at === undefined ? null : found.data.swept_at === null ? (
            'Not checked yet whether rows have expired.'
          ) : (
            <>
              Last checked <Age at={found.data.swept_at} now={now} />
            </>
          )
        }
      >
        {me !== null && may(me, 'config:manage') ? <NewHold /> : undefined}
      </PlaceHead>
      <Holds />
      {found.isPending ? (
        <Waiting what="Asking what is kept" />
      ) : found.isError ? (
        <Failed error={found.error} onRetry={() => void found.refetch()} />
      ) : (
        <>
          <Rules facts={found.data} />
          <Sweeps sweeps={found.data.sweeps} />
        </>
      )}
    </>
  )
}
