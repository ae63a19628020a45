// SPDX-License-Identifier: Apache-2.0
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { streams, type StreamName } from 'fasten/core'
import type { ReaderRow } from 'fasten/reader/remote'
import { nowMicros } from '../../ask/now.ts'
import { createReader } from '../../ask/reader.ts'
import { useStreamRows, type StreamRows } from '../../ask/use-stream-rows.ts'
import { useCodes } from '../../ask/use-codes.ts'
import { useTally } from '../../ask/use-tally.ts'
import { rangeOfFilter } from '../../model/histogram.ts'
import { actionOf } from '../../model/keys.ts'
import { nextPane, type Investigation } from '../../model/investigation.ts'
import { isPhrase, understand } from '../../model/plain-question.ts'
import { questionOf, type Question } from '../../model/question.ts'
import { widerThan } from '../../model/windows.ts'
import { Chips } from './chips.tsx'
import { ExportMenu } from './export-menu.tsx'
import { Facets } from './facets.tsx'
import { Histogram } from './histogram.tsx'
import { lazily } from '../../parts/lazily.tsx'
import { keepQuestion } from '../../parts/palette/recent-questions.ts'
import { useSettings } from '../../parts/settings.tsx'
import styles from './investigate.module.css'
import { Pane, type PaneHandle } from './pane.tsx'
import { QueryBar } from './query-bar.tsx'
import { useFollowing } from './use-following.ts'
import { useInvestigation } from './use-investigation.ts'
import { useInvestigationActions } from './use-investigation-actions.ts'

const reader = createReader(location.origin)

/** Proofs and views of one row are as much again as the list, and nobody has chosen one yet. */
const drawer = lazily(
  'Opening the row',
  async () => (await import('./row-drawer.tsx')).RowDrawer,
  ({ children }) => (
    <aside className={styles['opening']} aria-label="Row">
      {children}
    </aside>
  ),
)

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
  // Until the first rows are here nothing else is asked for: they are what everybody waits for.
  const [isFirst, setFirst] = useState(true)
  const wanted = (stream: StreamName) => (isFirst && stream !== pane ? null : queryOf(questions[stream]))
  const rows: Readonly<Record<StreamName, StreamRows>> = {
    audit: useStreamRows(reader, 'audit', wanted('audit')),
    sys: useStreamRows(reader, 'sys', wanted('sys')),
    api: useStreamRows(reader, 'api', wanted('api')),
  }
  const hasFirst = questions[pane].kind !== 'asks' || rows[pane].state !== 'asking'
  useEffect(() => {
    if (!hasFirst) return
    setFirst(false)
    drawer.load()
  }, [hasFirst])

  const counted = useMemo(() => {
    const query = queryOf(questions[pane])
    return { query, range: query === null ? undefined : rangeOfFilter(query.filter, askedAt) }
  }, [questions, pane, askedAt])
  const { tally, isAsking: isTallying } = useTally(reader, counted.query, counted.range, !isFirst)
  const knownCodes = useCodes(isPhrase(text))
  const plain = useMemo(() => {
    // What a phrase seems to be is not offered before it is known which words are codes: it would change under the hand.
    if (knownCodes === undefined || (tally === undefined && isTallying)) return undefined
    const seen = (tally?.rows ?? []).flatMap((row) => (row.stream === 'audit' ? [row.code] : []))
    return understand(text, [...new Set([...knownCodes, ...seen])], askedAt)
  }, [text, knownCodes, tally, isTallying, askedAt])

  const [cursor, setCursor] = useState<ReaderRow | null>(null)
  const handles = useRef<Partial<Record<StreamName, PaneHandle | null>>>({})
  const following = useFollowing({
    reader,
    questions,
    rows,
    isOn: isLive && until === null,
    onResume: () => {
      setCursor(null)
      for (const stream of streams) handles.current[stream]?.showTime('9')
    },
  })
  const { tail, isHeld, waiting, hold, resume } = following

  const moveTo = (row: ReaderRow): void => {
    setCursor(row)
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
    else if (action === 'hold' && !isOnControl && isLive && isHeld) resume()
    else if (action === 'hold' && !isOnControl && isLive) hold()
    else if (action === 'close' && selected !== null) change({ selected: null })
    else return
    event.preventDefault()
  }
  const others = streams.filter((stream) => stream !== pane)
  const ask = (changes: Partial<Investigation>): void => {
    setAskedAt(nowMicros())
    following.forget()
    change(changes)
  }
  useEffect(() => keepQuestion(text), [text])
  useInvestigationActions({ investigation, ask, change })
  const wider = widerThan(investigation).map(({ name, changes }) => ({ name, run: () => ask(changes) }))

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
        isPaused={isHeld}
        onChange={ask}
      >
        <ExportMenu query={counted.query} total={tally?.total} />
      </QueryBar>
      <div className={styles['top']}>
        <Chips investigation={investigation} plain={plain} onChange={ask} />
        {counted.query === null ? null : tally === undefined ? (
          <div className={styles['room']} aria-hidden="true" />
        ) : (
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
              cursor={cursor}
              waiting={waiting[stream]}
              wider={wider}
              elsewhere={question.kind === 'elsewhere' ? question.because : null}
              onSelect={(row) => change({ selected: row.id })}
              onCursor={moveTo}
              onMove={hold}
              onShowWaiting={resume}
              onPromote={() => promote(stream)}
              onColumns={(next) => change({ columns: { ...columns, [stream]: next } })}
              onOrder={(next) => ask({ order: next, isLive: false })}
            />
          )
        })}
      </div>
      {selected === null ? null : (
        <drawer.Part
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

function problemsOf(questions: Readonly<Record<StreamName, Question>>): readonly string[] {
  const details = streams.flatMap((stream) => {
    const question = questions[stream]
    return question.kind === 'wrong' ? question.problems.map(({ detail }) => detail) : []
  })
  return [...new Set(details)]
}

export type ChangeInvestigation = (changes: Partial<Investigation>) => void
