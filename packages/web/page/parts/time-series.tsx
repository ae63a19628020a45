// SPDX-License-Identifier: Apache-2.0
import { useEffect, useRef, type ReactNode } from 'react'
import Plot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Lines } from '../model/rates.ts'
import { timeParts } from '../model/time-zone.ts'
import { drawnColour } from './drawn-colour.ts'
import { useSettings } from './settings.tsx'
import styles from './time-series.module.css'

const height = 160

export interface SeriesLine {
  readonly name: string
  /** A token of theme/tokens.css, such as `--accent`. */
  readonly colour: string
  readonly isGhost?: boolean
}

/**
 * Lines over time. Dragging over a part chooses it. The figures stand in a table for who cannot see the lines; `summary` is the one sentence
 * that says what they come to.
 */
export function TimeSeries({
  title,
  summary,
  lines: { seconds, values },
  series,
  format,
  top = withRoom,
  none,
  onRange,
}: {
  readonly title: string
  readonly summary: string
  readonly lines: Lines
  readonly series: readonly SeriesLine[]
  readonly format: (value: number) => string
  /** The top of the axis for the largest value; a function that stays the same. Left out: a little above it. */
  readonly top?: (max: number) => number
  /** What stands there instead of lines when there is nothing to draw. */
  readonly none?: string | undefined
  readonly onRange: (from: number, to: number) => void
}): ReactNode {
  const box = useRef<HTMLDivElement>(null)
  const { settings } = useSettings()
  const chosen = useRef(onRange)
  useEffect(() => {
    chosen.current = onRange
  })
  useEffect(() => {
    const element = box.current
    if (element === null) return undefined
    const colour = (token: string): string => drawnColour(element, token)
    const axis = {
      stroke: colour('--ink-faint'),
      font: `11px ${getComputedStyle(element).fontFamily}`,
      grid: { stroke: colour('--line-faint'), width: 1 },
      ticks: { show: false },
    }
    const isLong = (seconds.at(-1) ?? 0) - (seconds[0] ?? 0) > 2 * 86_400
    const timeAt = (second: number): string => {
      const { date, time } = timeParts(
        `${new Date(second * 1000).toISOString().slice(0, 19)}Z`,
        settings.zone,
      )
      return isLong ? date.slice(5) : time.slice(0, 5)
    }
    const plot = new Plot(
      {
        width: element.clientWidth,
        height,
        padding: [8, 8, 0, 0],
        legend: { show: false },
        cursor: { drag: { x: true, y: false, setScale: false }, sync: { key: 'rates' } },
        ...(settings.zone === 'utc'
          ? { tzDate: (second: number) => Plot.tzDate(new Date(second * 1000), 'Etc/UTC') }
          : {}),
        scales: { y: { range: (_plot, _min, max) => [0, top(max)] } },
        axes: [
          { ...axis, size: 24, gap: 4, values: (_plot, ticks) => ticks.map(timeAt) },
          { ...axis, size: widthOf, gap: 6, values: (_plot, ticks) => ticks.map((tick) => format(tick)) },
        ],
        series: [
          {},
          ...series.map(({ name, colour: token, isGhost = false }) => ({
            label: name,
            stroke: colour(token),
            width: 1.5,
            ...(isGhost ? { dash: [4, 4] } : {}),
          })),
        ],
        hooks: {
          setSelect: [
            (drawn) => {
              const { left, width } = drawn.select
              if (width > 4) chosen.current(drawn.posToVal(left, 'x'), drawn.posToVal(left + width, 'x'))
            },
          ],
        },
      },
      [[...seconds], ...values.map((each) => [...each])] as Plot.AlignedData,
      element,
    )
    const sizes = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }))
    sizes.observe(element)
    return () => {
      sizes.disconnect()
      plot.destroy()
    }
  }, [seconds, values, series, format, top, settings.theme, settings.zone])

  return (
    <figure className={styles['figure']}>
      <figcaption className={styles['head']}>
        <h2>{title}</h2>
        <span className={styles['keys']}>
          {/* One line is named by the heading. */}
          {(series.length === 1 ? [] : series).map(({ name, colour: token, isGhost = false }) => (
            <span key={name} className={styles['key']}>
              <span className={styles['stroke']} data-ghost={isGhost} style={{ color: `var(${token})` }} />
              {name}
            </span>
          ))}
        </span>
        <span className={styles['summary']}>{summary}</span>
      </figcaption>
      <div className={styles['plot']}>
        <div ref={box} className={styles['box']} aria-hidden="true" />
        {none === undefined ? null : <p className={styles['none']}>{none}</p>}
      </div>
    </figure>
  )
}

const withRoom = (max: number): number => (max > 0 ? max * 1.1 : 1)

/** As wide as the longest label of the axis wants, and no wider. */
const widthOf = (_plot: Plot, labels: readonly string[] | null): number =>
  Math.max(24, ...(labels ?? []).map((label) => label.length * 6.5 + 10))
