// SPDX-License-Identifier: Apache-2.0
import { useMemo, type ReactNode } from 'react'
import { durationText } from 'fasten/reader/remote'
import { linesOf, shareTop, type RateAnswer, type RateNumbers } from '../../model/rates.ts'
import { TimeSeries, type SeriesLine } from '../../parts/time-series.tsx'
import styles from './rates.module.css'

const perSecond = (value: number): string => `${Number(value.toPrecision(3))}/s`
const percent = (value: number): string => `${Number((value * 100).toPrecision(3))}%`
const duration = (value: number): string => durationText(Math.round(value))

const ghost: SeriesLine = { name: 'yesterday', colour: '--ink-faint', isGhost: true }

/** Three pictures of one window. What is chosen in one is chosen in all. */
export function RateCharts({
  now,
  then,
  onRange,
}: {
  readonly now: RateAnswer
  readonly then: RateAnswer | undefined
  readonly onRange: (from: number, to: number) => void
}): ReactNode {
  const { total } = now
  const steps = total.steps ?? []
  const past = then?.total.steps
  const drawn = useMemo(
    () => ({
      rate: linesOf(steps, past, ({ requests_per_s }) => [requests_per_s]),
      errors: linesOf(steps, past, (each) => [clientShare(each), each.error_share]),
      durations: linesOf(steps, past, ({ p50_us, p95_us, p99_us }) => [p50_us, p95_us, p99_us]),
      rateSeries: seriesOf([{ name: 'requests', colour: '--accent' }], past),
      errorSeries: seriesOf(
        [
          { name: '4xx', colour: '--warn' },
          { name: '5xx', colour: '--bad' },
        ],
        past,
      ),
      durationSeries: seriesOf(
        [
          { name: 'p50', colour: '--api' },
          { name: 'p95', colour: '--audit' },
          { name: 'p99', colour: '--sys' },
        ],
        past,
      ),
    }),
    [steps, past],
  )
  return (
    <div className={styles['charts']}>
      <TimeSeries
        title="Rate"
        summary={`${total.requests.toLocaleString('en')} requests, ${perSecond(total.requests_per_s)}`}
        lines={drawn.rate}
        series={drawn.rateSeries}
        format={perSecond}
        onRange={onRange}
      />
      <TimeSeries
        title="Errors"
        summary={`${total.errors.toLocaleString('en')} of 5xx, ${total.client_errors.toLocaleString('en')} of 4xx`}
        lines={drawn.errors}
        series={drawn.errorSeries}
        format={percent}
        top={shareTop}
        none={total.errors + total.client_errors === 0 ? 'No request failed in this window' : undefined}
        onRange={onRange}
      />
      <TimeSeries
        title="Durations"
        summary={`p50 ${duration(total.p50_us ?? 0)}, p95 ${duration(total.p95_us ?? 0)}, p99 ${duration(total.p99_us ?? 0)}`}
        lines={drawn.durations}
        series={drawn.durationSeries}
        format={duration}
        onRange={onRange}
      />
    </div>
  )
}

const clientShare = ({ requests, client_errors }: RateNumbers): number | null =>
  requests === 0 ? null : client_errors / requests

const seriesOf = (series: readonly SeriesLine[], past: unknown): readonly SeriesLine[] =>
  past === undefined ? series : [...series, ghost]
