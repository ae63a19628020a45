// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState, type ReactNode } from 'react'
import { streams, type StreamName } from 'fasten/core'
import { useParams, useSearchParams } from 'wouter'
import type { Trace } from 'fasten/reader/remote'
import { call } from '../../ask/call.ts'
import { Problem } from '../../ask/problem.ts'
import { createReader } from '../../ask/reader.ts'
import { shownEntries } from '../../model/trace.ts'
import { Failed, Waiting } from '../../parts/state.tsx'
import { RowDrawer } from '../investigate/row-drawer.tsx'
import { NoSuchRequest } from './no-such-request.tsx'
import { RequestHead } from './request-head.tsx'
import styles from './request.module.css'
import { Waterfall } from './waterfall.tsx'

const reader = createReader(location.origin)

/** Everything that one request led to, over all services, nodes and streams, on one line of time. */
export function Request(): ReactNode {
  const { request_id: id } = useParams<{ request_id: string }>()
  const [search, setSearch] = useSearchParams()
  const selected = search.get('row')
  const select = (row: string | null): void => setSearch(row === null ? {} : { row }, { replace: true })
  const trace = useQuery({
    queryKey: ['trace', id],
    queryFn: async ({ signal }) => {
      try {
        return await call<Trace>(`/api/v1/traces/${encodeURIComponent(id)}`, { signal })
      } catch (error) {
        // That there is no row of it is an answer, not a breakdown.
        if (error instanceof Problem && error.code === 'NO_SUCH_TRACE') return null
        throw error
      }
    },
  })
  if (trace.isPending) return <Waiting what="Gathering what it led to" />
  if (trace.isError) return <Failed error={trace.error} onRetry={() => void trace.refetch()} />
  if (trace.data === null || trace.data.entries.length === 0)
    return <NoSuchRequest id={id} isAsking={trace.isFetching} onAsk={() => void trace.refetch()} />
  return (
    <div className={styles['request']} data-drawer={selected !== null}>
      <Drawn trace={trace.data} selected={selected} onSelect={select} />
      {selected === null ? null : <RowDrawer id={selected} reader={reader} onClose={() => select(null)} />}
    </div>
  )
}

function Drawn({
  trace,
  selected,
  onSelect,
}: {
  readonly trace: Trace
  readonly selected: string | null
  readonly onSelect: (row: string) => void
}): ReactNode {
  const { entries, duration_us } = trace
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const [chosen, setChosen] = useState<ReadonlySet<StreamName>>(new Set(streams))
  const shown = useMemo(() => shownEntries(entries, folded, chosen), [entries, folded, chosen])
  return (
    <section className={styles['body']} aria-label="Request">
      <RequestHead trace={trace} chosen={chosen} onChoose={setChosen} onSelect={onSelect} />
      <Waterfall
        shown={shown}
        all={entries}
        durationUs={duration_us}
        selected={selected}
        onSelect={onSelect}
        onFold={(id) =>
          setFolded((before) => {
            const next = new Set(before)
            if (!next.delete(id)) next.add(id)
            return next
          })
        }
      />
    </section>
  )
}
