// SPDX-License-Identifier: Apache-2.0
import { useCallback, useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { streams, type StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { nowMicros } from '../../ask/now.ts'
import { createReader } from '../../ask/reader.ts'
import { useStreamRows, type StreamRows } from '../../ask/use-stream-rows.ts'
import { useCodes } from '../../ask/use-codes.ts'
import { useTail } from '../../ask/use-tail.ts'
import { useWaitingRows } from '../../ask/use-waiting-rows.ts'
import { useTally } from '../../ask/use-tally.ts'
import { rangeOfFilter } from '../../model/histogram.ts'
import { actionOf } from '../../model/keys.ts'
import { nextPane, type Investigation } from '../../model/investigation.ts'
import { isPhrase, understand } from '../../model/plain-question.ts'
import { withFilter } from '../../model/question-parts.ts'
import { questionOf, type Question } from '../../model/question.ts'
import { Chips } from './chips.tsx'
import { ExportMenu } from './export-menu.tsx'
import { Facets } from './facets.tsx'
import { Histogram } from './histogram.tsx'
import { useActions } from '../../parts/palette/actions.tsx'
import { keepQuestion } from '../../parts/palette/recent-questions.ts'
import { useSettings } from '../../parts/settings.tsx'
import styles from './investigate.module.css'
import { Pane, type PaneHandle } from './pane.tsx'
import { QueryBar } from './query-bar.tsx'
import { RowDrawer } from './row-drawer.tsx'
import { useInvestigation } from './use-investigation.ts'

const reader = createReader(location.origin)

/** Three streams side by side on one cursor of time. What is looked at stands in the address; what moved under the eye does not. */
export function Investigate(): ReactNode {
  const [investigation, change] = useInvestigation()
  const { text, since, until, pane, isLive, selected, order, facets, columns, density } = investigation
  const { settings } = useSettings()
  // Relative times count from when the question was asked, or pages of one answer would be of different windows.
  const [askedAt, setAskedAt] = useState(nowMicros)
  const questions = useMemo(() => {
    const of = (stream: StreamName): Question => questionOf({ text, since, until, order }, stream, askedAt)
    return { audit: of('audit'), sys: of('sys'), api: of('api') }
  }, [text, since, until, order, askedAt])
  const rows: Readonly<Record<StreamName, StreamRows>> = {
    audit: useStreamRows(reader, 'audit', queryOf(questions.audit)),
    sys: useStreamRows(reader, 'sys', queryOf(questions.sys)),
    api: useStreamRows(reader, 'api', queryOf(questions.api)),
  }

  const counted = useMemo(() => {
    const query = queryOf(questions[pane])
    return { query, range: query === null ? undefined : rangeOfFilter(query.filter, askedAt) }
  }, [questions, pane, askedAt])
  const { tally, isAsking: isTallying } = useTally(reader, counted.query, counted.range)
  const knownCodes = useCodes(isPhrase(text))
  const plain = useMemo(() => {
    // What a phrase seems to be is not offered before it is known which words are codes: it would change under the hand.
    if (knownCodes === undefined || (tally === undefined && isTallying)) return undefined
    const seen = (tally?.rows ?? []).flatMap((row) => (row.stream === 'audit' ? [row.code] : []))
    return understand(text, [...new Set([...knownCodes, ...seen])], askedAt)
  }, [text, knownCodes, tally, isTallying, askedAt])

  const [cursorTime, setCursorTime] = useState<string | null>(null)
  const handles = useRef<Partial<Record<StreamName, PaneHandle | null>>>({})
  const [isMoved, setMoved] = useState(false)
  const { counts: waiting, add: keepWaiting, take: takeWaiting } = useWaitingRows()
  const showNow = useCallback(
    (fresh: readonly ReaderRow[]) => {
      for (const stream of streams) {
        const own = fresh.filter((row) => row.stream === stream)
        if (own.length > 0) rows[stream].add(own)
      }
    },
    [rows],
  )
  const tailed = streams.filter((stream) => questions[stream].kind === 'asks')
  const asking = questions[tailed[0] ?? 'audit']
  const tail = useTail(
    reader,
    isLive && until === null && asking.kind === 'asks'
      ? { streams: tailed, filter: withoutWindow(asking.query.filter) }
      : null,
    (fresh) => (isMoved ? keepWaiting(fresh) : showNow(fresh)),
  )
  const resume = (): void => {
    showNow(takeWaiting())
    setMoved(false)
    setCursorTime(null)
    for (const stream of streams) handles.current[stream]?.showTime('9')
  }
  useEffect(() => {
    if (!isLive) takeWaiting()
  }, [isLive, takeWaiting])

  const moveTo = (row: ReaderRow): void => {
    setCursorTime(row.timestamp)
    for (const stream of streams) if (stream !== row.stream) handles.current[stream]?.showTime(row.timestamp)
  }
  const promote = (stream: StreamName): void => {
    change({ pane: stream })
    handles.current[stream]?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const isInPane = event.target instanceof HTMLElement && event.target.role === 'listbox'
    // A space on anything that can be pressed or typed into is meant for it.
    const isOnControl =
      event.target instanceof HTMLElement &&
      event.target.closest('input, button, a, [role=row], [role=separator]') !== null
    const action = actionOf('Investigation', event)
    if (action === 'next-pane' && isInPane && !event.shiftKey) promote(nextPane(pane))
    else if (action === 'hold' && !isOnControl && isLive && isMoved) resume()
    else if (action === 'hold' && !isOnControl && isLive) setMoved(true)
    else if (action === 'close' && selected !== null) change({ selected: null })
    else return
    event.preventDefault()
  }
  const others = streams.filter((stream) => stream !== pane)
  const ask = (changes: Partial<Investigation>): void => {
    setAskedAt(nowMicros())
    setMoved(false)
    takeWaiting()
    change(changes)
  }
  useEffect(() => keepQuestion(text), [text])
  useActions([
    {
      name: isLive ? 'Stop following' : 'Follow new rows',
      run: () => ask({ isLive: !isLive, order: 'newest', until: null }),
    },
    {
      name: order === 'newest' ? 'Show the oldest rows first' : 'Show the newest rows first',
      run: () => ask({ order: order === 'newest' ? 'oldest' : 'newest', isLive: false }),
    },
    {
      name: 'Show what failed',
      run: () => ask({ text: withFilter(text, 'outcome', 'failure') ?? text, pane: 'audit' }),
    },
    { name: 'Show values in the window', run: () => change({ facets: true }) },
    { name: 'Hide values in the window', run: () => change({ facets: false }) },
    { name: 'Ask for everything', run: () => ask({ text: '' }) },
    { name: 'Copy the address of this', run: () => void navigator.clipboard.writeText(location.href) },
  ])

  return (
    <div
      className={styles['investigate']}
      data-drawer={selected !== null}
      data-facets={facets === null ? 'auto' : facets}
      onKeyDown={onKeyDown}
    >
      <QueryBar
        investigation={investigation}
        problems={problemsOf(questions)}
        tail={tail}
        isPaused={isMoved}
        onChange={ask}
      >
        <ExportMenu query={counted.query} total={tally?.total} />
      </QueryBar>
      <div className={styles['top']}>
        <Chips investigation={investigation} plain={plain} onChange={ask} />
        {tally === undefined || counted.query === null ? null : (
          <Histogram
            tally={tally}
            stream={counted.query.stream}
            onWindow={(window) => ask({ ...window, isLive: false })}
          />
        )}
      </div>
      <div className={styles['side']}>
        {tally === undefined || counted.query === null ? null : (
          <Facets
            tally={tally}
            stream={counted.query.stream}
            text={text}
            onText={(next) => ask({ text: next })}
          />
        )}
      </div>
      <div className={styles['panes']}>
        {[pane, ...others].map((stream) => {
          const question = questions[stream]
          return (
            <Pane
              key={stream}
              ref={(handle) => {
                handles.current[stream] = handle
              }}
              stream={stream}
              rows={rows[stream]}
              isPrimary={stream === pane}
              columns={columns[stream]}
              order={order}
              density={density ?? settings.density}
              selected={selected}
              cursorTime={cursorTime}
              waiting={waiting[stream]}
              elsewhere={question.kind === 'elsewhere' ? question.because : null}
              onSelect={(row) => change({ selected: row.id })}
              onCursor={moveTo}
              onMove={() => setMoved(true)}
              onShowWaiting={resume}
              onPromote={() => promote(stream)}
              onColumns={(next) => change({ columns: { ...columns, [stream]: next } })}
              onOrder={(next) => ask({ order: next, isLive: false })}
            />
          )
        })}
      </div>
      {selected === null ? null : (
        <RowDrawer
          id={selected}
          reader={reader}
          onClose={() => change({ selected: null })}
          onOpen={(next) => change({ selected: next })}
          onAsk={(more) => change({ text: `${text} ${more}`.trim() })}
        />
      )}
    </div>
  )
}

const queryOf = (question: Question) => (question.kind === 'asks' ? question.query : null)

/** A tail goes on from now; the window is for what was. */
function withoutWindow(filter: Extract<Question, { kind: 'asks' }>['query']['filter']) {
  const { since: _since, until: _until, ...rest } = filter
  return rest
}

function problemsOf(questions: Readonly<Record<StreamName, Question>>): readonly string[] {
  const details = streams.flatMap((stream) => {
    const question = questions[stream]
    return question.kind === 'wrong' ? question.problems.map(({ detail }) => detail) : []
  })
  return [...new Set(details)]
}

export type ChangeInvestigation = (changes: Partial<Investigation>) => void
