// SPDX-License-Identifier: Apache-2.0
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from 'react'
import { durationText, type WaterfallEntry } from 'fasten/reader/remote'
import { labelPlace, ticksOf, type ShownEntry, type Span } from '../../model/trace.ts'
import { Button } from '../../parts/button.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { useIsNarrow } from '../../parts/use-is-narrow.ts'
import { Minimap } from './minimap.tsx'
import styles from './waterfall.module.css'

/** Rows as a tree on the left, as bars on the right; only those in view are drawn. The strip above the bars shows all of it, and chooses a part. */
export function Waterfall({
  shown,
  all,
  durationUs,
  selected,
  onSelect,
  onFold,
}: {
  readonly shown: readonly ShownEntry[]
  readonly all: readonly WaterfallEntry[]
  readonly durationUs: number
  readonly selected: string | null
  readonly onSelect: (id: string) => void
  readonly onFold: (id: string) => void
}): ReactNode {
  const whole: Span = { from: 0, to: Math.max(durationUs, 1) }
  const [span, setSpan] = useState(whole)
  const [current, setCurrent] = useState(0)
  const scroller = useRef<HTMLDivElement>(null)
  const height = useIsNarrow() ? 44 : 28
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => height,
    overscan: 12,
  })
  useEffect(() => virtual.measure(), [virtual, height])
  const ticks = ticksOf(span, 6)
  const go = (to: number): void => {
    const index = Math.max(0, Math.min(shown.length - 1, to))
    setCurrent(index)
    virtual.scrollToIndex(index, { align: 'auto' })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const here = shown[current]
    const isOpen = here !== undefined && here.below > 0 && !here.isFolded
    if (event.key === 'ArrowDown' || event.key === 'j') go(current + 1)
    else if (event.key === 'ArrowUp' || event.key === 'k') go(current - 1)
    else if (event.key === 'Home') go(0)
    else if (event.key === 'End') go(shown.length - 1)
    else if (event.key === 'e') go(nextError(shown, current))
    else if (event.key === 'Enter' && here !== undefined) onSelect(here.entry.id)
    else if (event.key === 'ArrowLeft' && isOpen) onFold(here.entry.id)
    else if (event.key === 'ArrowRight' && here?.isFolded === true) onFold(here.entry.id)
    else if (event.key === '0') setSpan(whole)
    else return
    event.preventDefault()
  }

  return (
    <>
      <div className={styles['top']}>
        <span className={styles['head']} aria-hidden="true">
          What
        </span>
        <span className={styles['head']} data-wide="true" aria-hidden="true">
          Service and node
        </span>
        <div className={styles['times']}>
          <Minimap entries={all} whole={whole} span={span} onSpan={setSpan} />
          <div className={styles['ruler']} aria-hidden="true">
            {ticks.map((tick) => (
              <span key={tick} className={styles['tick']} style={{ left: `${share(tick, span)}%` }}>
                {tick === 0 ? '0' : durationText(Math.round(tick))}
              </span>
            ))}
          </div>
          {span.from === whole.from && span.to === whole.to ? null : (
            <span className={styles['back']}>
              <Button onPress={() => setSpan(whole)}>All of it</Button>
            </span>
          )}
        </div>
      </div>
      <div
        ref={scroller}
        className={styles['scroller']}
        role="tree"
        aria-label="What the request led to"
        aria-activedescendant={shown[current] === undefined ? undefined : `w-${shown[current].entry.id}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div className={styles['space']} style={{ height: virtual.getTotalSize() }}>
          <div className={styles['grid']} aria-hidden="true">
            <div className={styles['lines']}>
              {ticks.map((tick) => (
                <span key={tick} className={styles['rule']} style={{ left: `${share(tick, span)}%` }} />
              ))}
            </div>
          </div>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const item = shown[index]
            return item === undefined ? null : (
              <Line
                key={item.entry.id}
                item={item}
                top={start}
                span={span}
                isCurrent={index === current}
                isSelected={item.entry.id === selected}
                onFold={() => onFold(item.entry.id)}
                onPress={() => {
                  setCurrent(index)
                  onSelect(item.entry.id)
                }}
              />
            )
          })}
        </div>
      </div>
    </>
  )
}

function Line({
  item: { entry, below, isFolded },
  top,
  span,
  isCurrent,
  isSelected,
  onFold,
  onPress,
}: {
  readonly item: ShownEntry
  readonly top: number
  readonly span: Span
  readonly isCurrent: boolean
  readonly isSelected: boolean
  readonly onFold: () => void
  readonly onPress: () => void
}): ReactNode {
  const { id, depth, stream, state, title, mark, service, node } = entry
  return (
    <div
      id={`w-${id}`}
      role="treeitem"
      aria-level={depth + 1}
      aria-selected={isSelected}
      aria-expanded={below === 0 ? undefined : !isFolded}
      className={styles['line']}
      data-stream={stream}
      data-state={state}
      data-current={isCurrent}
      style={{ transform: `translateY(${top}px)` }}
      onClick={onPress}
    >
      <span className={styles['name']} style={{ paddingLeft: 12 + Math.min(depth, 24) * 16 }}>
        {below === 0 ? (
          <span className={styles['leaf']} />
        ) : (
          <button
            type="button"
            className={styles['fold']}
            tabIndex={-1}
            aria-label={isFolded ? `Unfold ${below} rows` : 'Fold'}
            data-folded={isFolded}
            onClick={(event) => {
              event.stopPropagation()
              onFold()
            }}
          />
        )}
        <span className={styles['title']}>
          <PlainText>{title}</PlainText>
        </span>
        {stream === 'api' || state !== 'ok' ? <span className={styles['mark']}>{mark}</span> : null}
        {isFolded ? <span className={styles['below']}>{`+${below}`}</span> : null}
      </span>
      <span className={styles['place']}>
        <PlainText>{service}</PlainText>{' '}
        <span className={styles['node']}>
          <PlainText>{node}</PlainText>
        </span>
      </span>
      <Bar entry={entry} span={span} />
    </div>
  )
}

function Bar({
  entry: { start_us, duration_us },
  span,
}: {
  readonly entry: WaterfallEntry
  readonly span: Span
}): ReactNode {
  const left = share(start_us, span)
  const width = Math.max(share(start_us + duration_us, span) - left, 0)
  if (duration_us === 0)
    return (
      <span className={styles['track']}>
        <span className={styles['moment']} style={{ left: `${left}%` }} />
      </span>
    )
  const label = labelPlace(left, width)
  return (
    <span className={styles['track']}>
      <span className={styles['bar']} style={{ left: `${left}%`, width: `${width}%` }} />
      <span
        className={styles['length']}
        data-at={label.at}
        style={label.at === 'behind' ? { left: `${label.percent}%` } : { right: `${label.percent}%` }}
      >
        {durationText(duration_us)}
      </span>
    </span>
  )
}

const share = (at: number, { from, to }: Span): number => ((at - from) / (to - from)) * 100

function nextError(shown: readonly ShownEntry[], from: number): number {
  const next = shown.findIndex(({ entry }, index) => index > from && entry.state === 'error')
  return next < 0 ? from : next
}
