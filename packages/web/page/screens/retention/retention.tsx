// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import type { RetentionFacts } from '../../model/retention.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { Holds } from './holds.tsx'
import { Rules } from './rules.tsx'
import { Sweeps } from './sweeps.tsx'

/** How long rows of nodes are kept here, what was let go, and what stays whatever its time. */
export function Retention(): ReactNode {
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
            'Not looked yet whether something is to be let go.'
          ) : (
            <>
              Last looked at <Moment at={found.data.swept_at} />
            </>
          )
        }
      />
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
