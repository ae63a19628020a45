// SPDX-License-Identifier: Apache-2.0
import { useRef, useState, type KeyboardEvent, type PointerEvent, type ReactNode } from 'react'
import type { StreamName } from 'fasten/core'
import { formatMicros } from 'fasten/core'
import type { Tally } from '../../ask/use-tally.ts'
import { actionOf } from '../../model/keys.ts'
import { windowOfBars, type Bar } from '../../model/histogram.ts'
import { timeParts, type TimeZone } from '../../model/time-zone.ts'
import { useSettings } from '../../parts/settings.tsx'
import styles from './histogram.module.css'

const height = 44

/**
 * The rows of the window over time, by how they ended. Dragging over bars narrows the window to them; so do the arrows, with Shift for several, and Enter.
 * What it was counted from is said beside it, and a part of the window that was not counted is drawn as such.
 */
export function Histogram({
  tally: { histogram, histogramOf, rows, isWhole, total },
  stream,
  onWindow,
}: {
  readonly tally: Tally
  readonly stream: StreamName
  readonly onWindow: (window: { readonly since: string; readonly until: string }) => void
}): ReactNode {
  const { bars, step, countedFrom, from, to } = histogram
  const { zone } = useSettings().settings
  const [brush, setBrush] = useState<{ readonly from: number; readonly to: number } | null>(null)
  const isDragging = useRef(false)
  const tallest = bars.reduce((most, bar) => Math.max(most, sumOf(bar)), 0)
  const last = bars.length - 1
  const all = bars.reduce((sum, bar) => sum + sumOf(bar), 0)
  const bad = bars.reduce((sum, bar) => sum + bar.bad, 0)

  const placeAt = (event: PointerEvent): number => {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    return Math.max(0, Math.min(last, Math.floor(((event.clientX - left) / width) * bars.length)))
  }
  const narrow = (one: number, other: number): void => {
    setBrush(null)
    onWindow(windowOfBars(histogram, one, other))
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    const at = brush ?? { from: last + 1, to: last + 1 }
    const action = actionOf('Rows over time', event)
    if (action === 'earlier' || action === 'later') {
      const next = Math.max(0, Math.min(last, at.to + (action === 'later' ? 1 : -1)))
      setBrush({ from: event.shiftKey && brush !== null ? at.from : next, to: next })
    } else if (action === 'first') setBrush({ from: 0, to: 0 })
    else if (action === 'last') setBrush({ from: last, to: last })
    else if (action === 'narrow' && brush !== null) narrow(brush.from, brush.to)
    else if (action === 'forget' && brush !== null) setBrush(null)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  const [low, high] =
    brush === null ? [0, -1] : [Math.min(brush.from, brush.to), Math.max(brush.from, brush.to)]
  const chosen = bars.slice(low, high + 1)
  const uncounted = Math.max(0, Math.min(1, (countedFrom - from) / (to - from)))
  return (
    <figure className={styles['figure']}>
      <figcaption className={styles['told']}>
        <span>
          <strong>{countText(all)}</strong> {rowsOf[stream]} {all === 1 ? 'row' : 'rows'}
        </span>
        {bad > 0 ? <span className={styles['bad']}>{countText(bad)} failed</span> : null}
        <span className={styles['of']}>{sourceText({ histogramOf, isWhole, read: rows.length, total })}</span>
        {tallest === 0 ? null : (
          <span className={styles['most']}>
            at most {countText(tallest)} in {stepText(step)}
          </span>
        )}
        <span className={styles['brushed']} role="status">
          {brush === null
            ? ''
            : `${spanText(chosen, step, zone)}: ${countText(chosen.reduce((sum, bar) => sum + sumOf(bar), 0))} rows`}
        </span>
      </figcaption>
      <div
        className={styles['plot']}
        role="slider"
        tabIndex={0}
        aria-label="Rows over time; Enter narrows the window"
        aria-valuemin={0}
        aria-valuemax={last}
        aria-valuenow={brush?.to ?? last}
        aria-valuetext={
          brush === null
            ? `${countText(all)} rows, ${countText(bad)} of them failed`
            : `${spanText(chosen, step, zone)}, ${chosen.reduce((sum, bar) => sum + sumOf(bar), 0)} rows, ${chosen.reduce((sum, bar) => sum + bar.bad, 0)} failed`
        }
        onKeyDown={onKeyDown}
        onBlur={() => setBrush(null)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          isDragging.current = true
          const place = placeAt(event)
          setBrush({ from: place, to: place })
        }}
        onPointerMove={(event) => {
          if (isDragging.current && brush !== null) setBrush({ from: brush.from, to: placeAt(event) })
        }}
        onPointerUp={(event) => {
          if (isDragging.current && brush !== null) narrow(brush.from, placeAt(event))
          isDragging.current = false
        }}
        onPointerCancel={() => {
          isDragging.current = false
          setBrush(null)
        }}
      >
        <svg
          className={styles['bars']}
          viewBox={`0 0 ${bars.length} ${height}`}
          preserveAspectRatio="none"
          aria-hidden="true"
        >
          {uncounted > 0 ? (
            <rect
              className={styles['uncounted']}
              x={0}
              y={0}
              width={uncounted * bars.length}
              height={height}
            />
          ) : null}
          {brush === null ? null : (
            <rect className={styles['brush']} x={low} y={0} width={high - low + 1} height={height} />
          )}
          {bars.map((bar, index) => (
            <BarShape key={bar.at} bar={bar} x={index} tallest={tallest} />
          ))}
        </svg>
        {uncounted > 0.12 ? (
          <span className={styles['note']} aria-hidden="true">
            not read
          </span>
        ) : null}
      </div>
      <div className={styles['axis']} aria-hidden="true">
        {[0, 0.25, 0.5, 0.75].map((share) => (
          <span key={share}>{axisText(from + share * (to - from), to - from, zone)}</span>
        ))}
        <span>{axisText(to, to - from, zone)}</span>
      </div>
    </figure>
  )
}

const rowsOf: Readonly<Record<StreamName, string>> = { audit: 'audit', sys: 'log', api: 'API' }

const sumOf = ({ plain, warn, bad }: Bar): number => plain + warn + bad
const countText = (count: number): string => count.toLocaleString('en')

function BarShape({
  bar,
  x,
  tallest,
}: {
  readonly bar: Bar
  readonly x: number
  readonly tallest: number
}): ReactNode {
  let top = height
  return (['bad', 'warn', 'plain'] as const).map((tone) => {
    const count = bar[tone]
    if (count === 0) return null
    // One row among thousands is still to be seen.
    const tall = Math.max(1.5, (count / tallest) * (height - 2))
    top -= tall
    return (
      <rect key={tone} className={styles[`bar-${tone}`]} x={x + 0.08} y={top} width={0.84} height={tall} />
    )
  })
}

function sourceText({
  histogramOf,
  isWhole,
  read,
  total: { total, total_kind },
}: Pick<Tally, 'histogramOf' | 'isWhole' | 'total'> & { readonly read: number }): string {
  if (isWhole) return 'all of the window'
  const about =
    total === null
      ? 'more'
      : total_kind === 'estimated'
        ? `about ${countText(total)}, estimated`
        : total_kind === 'at_least'
          ? `more than ${countText(total)}`
          : countText(total)
  if (histogramOf === 'counted') return 'as counted on arrival'
  return `the newest ${countText(read)} of ${about}`
}

function spanText(bars: readonly Bar[], step: number, zone: TimeZone): string {
  const [first] = bars
  const final = bars.at(-1)
  if (first === undefined || final === undefined) return ''
  const text = (micros: number): string => axisText(micros, step * 10, zone)
  return `${text(first.at)} to ${text(final.at + step)}`
}

const second = 1_000_000
const minute = 60 * second
const day = 24 * 60 * minute

/** How long a bar is. */
function stepText(step: number): string {
  const [unit, name] = (
    [
      [day, 'd'],
      [60 * minute, 'h'],
      [minute, 'min'],
      [second, 's'],
    ] as const
  ).find(([each]) => step >= each && step % each === 0) ?? [1000, 'ms']
  return `${Math.round(step / unit)} ${name}`
}

/** As fine as the width of the window makes sense of. */
function axisText(micros: number, width: number, zone: TimeZone): string {
  const { date, time } = timeParts(formatMicros(Math.round(micros)), zone)
  if (width > 20 * day) return date
  if (width > 1.5 * day) return `${date.slice(5)} ${time.slice(0, 5)}`
  return width > 10 * minute ? time.slice(0, 5) : width > minute / 6 ? time.slice(0, 8) : time.slice(0, 12)
}
