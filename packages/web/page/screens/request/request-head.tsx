// SPDX-License-Identifier: Apache-2.0
import type { ReactNode } from 'react'
import { streams, type StreamName } from 'fasten/core'
import { durationText, type Trace } from 'fasten/reader/remote'
import { ToggleButton, ToggleButtonGroup } from 'react-aria-components'
import { Link } from 'wouter'
import { has, useMe } from '../../ask/me.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { firstError, traceFacts } from '../../model/trace.ts'
import { Button } from '../../parts/button.tsx'
import { CopyButton } from '../../parts/copy-button.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { ClockNotice } from './clock-notice.tsx'
import styles from './request.module.css'

/** Which request it was, what came out of it and how big it is; the ways to its rows and its agents; which streams are drawn; and what is missing. */
export function RequestHead({
  trace,
  chosen,
  onChoose,
  onSelect,
}: {
  readonly trace: Trace
  readonly chosen: ReadonlySet<StreamName>
  readonly onChoose: (streams: ReadonlySet<StreamName>) => void
  readonly onSelect: (row: string) => void
}): ReactNode {
  const { entries, started_at, duration_us, request_id } = trace
  const me = useMe().data ?? null
  const { root, counts, services, hasAgents } = traceFacts(entries)
  const failed = firstError(entries)
  const cut = streams.filter((stream) => trace.truncated[stream])
  const itsRows = writeInvestigation({
    ...readInvestigation(''),
    text: `request_id:${request_id}`,
    since: '-30d',
  })
  return (
    <header className={styles['head']}>
      <p className={styles['path']}>
        <Link href="/investigate">Investigate</Link>
      </p>
      <div className={styles['name']}>
        <h1 className={styles['title']}>
          Request{' '}
          <code>
            <PlainText>{request_id}</PlainText>
          </code>
        </h1>
        <CopyButton text={request_id} label="Copy id" />
        <nav className={styles['ways']} aria-label="Of this request">
          {hasAgents && me !== null && has(me, '/agents') ? (
            <Link href={`/agents/${encodeURIComponent(request_id)}`}>What agents did in it</Link>
          ) : null}
          <Link href={`/investigate${itsRows}`}>Investigate its rows</Link>
        </nav>
      </div>
      <div className={styles['facts']}>
        {root === undefined ? null : (
          <span className={styles['root']}>
            <span className={styles['mark']} data-state={root.state}>
              {root.mark}
            </span>
            <PlainText>{root.title}</PlainText>
          </span>
        )}
        {started_at === null ? null : <Moment at={started_at} />}
        <span>{durationText(duration_us)}</span>
        <span>{services === 1 ? '1 service' : `${services} services`}</span>
        {failed === undefined ? null : (
          <Button look="grave" onPress={() => onSelect(failed.id)}>
            First error: <PlainText>{failed.title}</PlainText>
          </Button>
        )}
        <ToggleButtonGroup
          aria-label="Streams that are shown"
          selectionMode="multiple"
          disallowEmptySelection
          selectedKeys={[...chosen]}
          onSelectionChange={(keys) => onChoose(new Set(streams.filter((stream) => keys.has(stream))))}
          className={styles['streams'] ?? ''}
        >
          {streams.map((stream) => (
            <ToggleButton
              key={stream}
              id={stream}
              className={styles['stream'] ?? ''}
              data-stream={stream}
              isDisabled={counts[stream] === 0}
            >
              {stream} <span className={styles['count']}>{counts[stream].toLocaleString('en')}</span>
            </ToggleButton>
          ))}
        </ToggleButtonGroup>
      </div>
      <ClockNotice trace={trace} />
      {cut.length === 0 ? null : (
        <p className={styles['cut']}>Only the oldest rows of {cut.join(' and ')} are here; there are more.</p>
      )}
      {trace.unfollowed === 0 ? null : (
        <p className={styles['cut']}>{`${trace.unfollowed} further requests were not followed.`}</p>
      )}
    </header>
  )
}
