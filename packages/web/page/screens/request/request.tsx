// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useMemo, useState, type ReactNode } from 'react'
import { streams, type StreamName } from 'fasten/core'
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import { useParams, useSearchParams } from 'wouter'
import { durationText, type Trace } from 'fasten/reader/remote'
import { call } from '../../ask/call.ts'
import { createReader } from '../../ask/reader.ts'
import { firstError, shownEntries } from '../../model/trace.ts'
import { Button } from '../../parts/button.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { RowDrawer } from '../investigate/row-drawer.tsx'
import { ClockNotice } from './clock-notice.tsx'
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
    queryFn: ({ signal }) => call<Trace>(`/api/v1/traces/${encodeURIComponent(id)}`, { signal }),
  })
  if (trace.isPending) return <Waiting what="Gathering what it led to" />
  if (trace.isError) return <Failed error={trace.error} onRetry={() => void trace.refetch()} />
  if (trace.data.entries.length === 0) return <Empty title="No row under this id is yours to see" />
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
  const { entries, started_at, duration_us, request_id } = trace
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set())
  const [chosen, setChosen] = useState<ReadonlySet<StreamName>>(new Set(streams))
  const shown = useMemo(() => shownEntries(entries, folded, chosen), [entries, folded, chosen])
  const failed = firstError(entries)
  const places = new Set(entries.map(({ service, node }) => `${service} ${node}`))
  const cut = streams.filter((stream) => trace.truncated[stream])

  return (
    <section className={styles['body']} aria-label="Request">
      <header className={styles['head']}>
        <h1>
          Request <code>{request_id}</code>
        </h1>
        <p className={styles['facts']}>
          {started_at === null ? null : <Moment at={started_at} />}
          <span>{durationText(duration_us)}</span>
          <span>{`${entries.length.toLocaleString('en')} rows`}</span>
          <span>{places.size === 1 ? '1 place' : `${places.size} places`}</span>
          {failed === undefined ? null : (
            <Button look="grave" onPress={() => onSelect(failed.id)}>
              First error: <PlainText>{failed.title}</PlainText>
            </Button>
          )}
        </p>
        <div className={styles['tools']}>
          <ToggleButtonGroup
            aria-label="Streams"
            selectionMode="multiple"
            disallowEmptySelection
            selectedKeys={[...chosen]}
            onSelectionChange={(keys) => setChosen(new Set(streams.filter((stream) => keys.has(stream))))}
            className={styles['streams'] ?? ''}
          >
            {streams.map((stream) => (
              <ToggleButton key={stream} id={stream} className={styles['stream'] ?? ''} data-stream={stream}>
                {stream}
              </ToggleButton>
            ))}
          </ToggleButtonGroup>
          <ClockNotice trace={trace} />
          {cut.length === 0 ? null : (
            <p className={styles['cut']}>
              Only the oldest rows of {cut.join(' and ')} are here; there are more.
            </p>
          )}
          {trace.unfollowed === 0 ? null : (
            <p className={styles['cut']}>{`${trace.unfollowed} further requests were not followed.`}</p>
          )}
        </div>
      </header>
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
