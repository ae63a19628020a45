// SPDX-License-Identifier: Apache-2.0
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useCallback, useMemo, useState, type ReactNode } from 'react'
import { ToggleButton } from 'react-aria-components'
import { useLocation, useSearch } from 'wouter'
import { call } from '../../ask/call.ts'
import { nowMicros } from '../../ask/now.ts'
import {
  rangeOf,
  readRateView,
  stepOf,
  writeRateView,
  type Range,
  type RateAnswer,
  type RateName,
  type RateView,
} from '../../model/rates.ts'
import { Button } from '../../parts/button.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { WindowChoice } from '../../parts/window-choice.tsx'
import { RateCharts } from './rate-charts.tsx'
import { RateTable } from './rate-table.tsx'
import styles from './rates.module.css'

/** Rate, errors and durations of everything that answered a request, out of the rows themselves; every number leads to requests that can be read. */
export function Rates(): ReactNode {
  const search = useSearch()
  const [, navigate] = useLocation()
  const view = useMemo(() => readRateView(search), [search])
  const [askedAt, setAskedAt] = useState(nowMicros)
  const range = useMemo(() => rangeOf(view, askedAt), [view, askedAt])
  const change = useCallback(
    (changes: Partial<RateView>) => {
      setAskedAt(nowMicros())
      navigate(`/rates${writeRateView({ ...view, ...changes })}`)
    },
    [navigate, view],
  )
  const now = useRates(view, range)
  const then = useRates(
    view,
    range === undefined || !view.isCompared
      ? undefined
      : { from: range.from - 86_400, to: range.to - 86_400 },
  )

  return (
    <div className={styles['rates']}>
      <header className={styles['bar']}>
        <h1>Rates</h1>
        <ul className={styles['only']} aria-label="Only">
          {Object.entries(view.only).map(([name, value]) => (
            <li key={name}>
              <Button
                onPress={() => change({ only: without(view.only, name as RateName) })}
                aria-label={`Take away ${name} ${value}`}
              >
                {name} <PlainText>{value}</PlainText> ×
              </Button>
            </li>
          ))}
        </ul>
        <WindowChoice since={view.since} until={view.until} onChange={change} />
        <ToggleButton
          className={styles['toggle'] ?? ''}
          isSelected={view.isCompared}
          onChange={(isCompared) => change({ isCompared })}
        >
          Compare with yesterday
        </ToggleButton>
        <Button onPress={() => setAskedAt(nowMicros())}>Refresh</Button>
      </header>
      {range === undefined ? (
        <Empty title="These two times are no window">
          <p>The first has to be before the second.</p>
        </Empty>
      ) : now.isPending ? (
        <Waiting what="Adding up" />
      ) : now.isError ? (
        <Failed error={now.error} onRetry={() => void now.refetch()} />
      ) : now.data.total.requests === 0 ? (
        <Empty title="Nothing was asked in this window">
          <p>Rows of api streams are counted a second or so after they arrive.</p>
        </Empty>
      ) : (
        <>
          {now.data.complete ? null : (
            <p className={styles['cut']}>The window begins before the oldest numbers that are kept.</p>
          )}
          <RateCharts
            now={now.data}
            then={view.isCompared ? then.data : undefined}
            onRange={(from, to) => change({ since: isoOf(from), until: isoOf(to) })}
          />
          <RateTable
            answer={now.data}
            only={view.only}
            onOnly={(only) => change({ only: { ...view.only, ...only } })}
          />
        </>
      )}
    </div>
  )
}

function useRates({ only }: Pick<RateView, 'only'>, range: Range | undefined) {
  return useQuery({
    queryKey: ['rates', only, range],
    enabled: range !== undefined,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      call<RateAnswer>('/api/v1/metrics/red', {
        search: {
          ...only,
          since: isoOf(range?.from ?? 0),
          until: isoOf(range?.to ?? 0),
          step: range === undefined ? undefined : stepOf(range, 120),
          group_by: 'service,method,route',
          limit: 200,
        },
        signal,
      }),
  })
}

const isoOf = (second: number): string => new Date(Math.round(second) * 1000).toISOString()

const without = (only: RateView['only'], name: RateName): RateView['only'] =>
  Object.fromEntries(Object.entries(only).filter(([each]) => each !== name))
