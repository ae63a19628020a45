// SPDX-License-Identifier: Apache-2.0
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { useMemo, useState, type ReactNode } from 'react'
import { useLocation, useSearch } from 'wouter'
import { call } from '../../ask/call.ts'
import { may, useMe } from '../../ask/me.ts'
import { nowMicros } from '../../ask/now.ts'
import {
  catalogueOf,
  readCodeView,
  writeCodeView,
  type CodeCounts,
  type CodeView,
  type KnownCode,
} from '../../model/codes.ts'
import { rangeOf } from '../../model/rates.ts'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Field } from '../../parts/field.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { WindowChoice } from '../../parts/window-choice.tsx'
import { CodeSections } from './code-sections.tsx'
import styles from './codes.module.css'

/** Every code that the fleet was told of or has seen: what it means, how grave it is, how long it is kept, and how often it is seen. */
export function Codes(): ReactNode {
  const search = useSearch()
  const [, navigate] = useLocation()
  const view = useMemo(() => readCodeView(search), [search])
  const change = (changes: Partial<CodeView>): void =>
    navigate(`/codes${writeCodeView({ ...view, ...changes })}`, { replace: true })
  const book = useQuery({
    queryKey: ['codes'],
    staleTime: Infinity,
    queryFn: ({ signal }) =>
      call<{ codes: readonly KnownCode[] }>('/api/v1/codes', { signal }).then(({ codes }) => codes),
  })
  const counts = useCounts(view)
  const sections = useMemo(
    () => (book.data === undefined ? [] : catalogueOf(book.data, counts.data, view)),
    [book.data, counts.data, view],
  )
  if (book.isPending) return <Waiting what="Opening the catalogue" />
  if (book.isError) return <Failed error={book.error} onRetry={() => void book.refetch()} />
  const total = sections.reduce((sum, { lines }) => sum + lines.length, 0)
  return (
    <>
      <PlaceHead title="Codes" about={`${total.toLocaleString('en')} codes`}>
        <Field
          aria-label="Words of a code or its meaning"
          placeholder="code, domain or meaning"
          value={view.text}
          onChange={(text) => change({ text })}
        />
        <label className={styles['check']}>
          <input
            type="checkbox"
            checked={view.isOnlySeen}
            onChange={() => change({ isOnlySeen: !view.isOnlySeen })}
          />
          Only what was seen
        </label>
        <WindowChoice since={view.since} until={view.until} onChange={change} />
      </PlaceHead>
      <Missing counts={counts} />
      {total === 0 ? (
        <Empty title="No code fits">
          <p>Take words away, or show those that were not seen in this window as well.</p>
        </Empty>
      ) : (
        <CodeSections sections={sections} view={view} counts={counts.data} />
      )}
    </>
  )
}

type Counts = ReturnType<typeof useCounts>

function useCounts({ since, until }: Pick<CodeView, 'since' | 'until'>) {
  const me = useMe().data ?? null
  const [askedAt] = useState(nowMicros)
  const range = rangeOf({ since, until }, askedAt)
  return useQuery({
    queryKey: ['code-counts', range],
    enabled: range !== undefined && me !== null && may(me, 'metrics:read'),
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) =>
      call<CodeCounts>('/api/v1/metrics/codes', {
        search: {
          since: isoOf(range?.from ?? 0),
          until: isoOf(range?.to ?? 0),
          group_by: 'code,outcome',
          limit: 500,
        },
        signal,
      }),
  })
}

/** What is missing from the numbers, where something is. */
function Missing({
  counts: { data, isError, error, fetchStatus, isPending },
}: {
  readonly counts: Counts
}): ReactNode {
  const told = isError
    ? `How often codes are seen is not told: ${error.message}.`
    : isPending && fetchStatus === 'idle'
      ? 'How often codes are seen is not told: you may not see numbers of all rows, or the window is none.'
      : data?.complete === false && data.rows_counted !== undefined
        ? `Counted in the newest ${data.rows_counted.toLocaleString('en')} audit rows of the window: codes were seen at least so often.`
        : data?.complete === false
          ? 'The window begins before the oldest numbers that are kept: codes were seen at least so often.'
          : data !== undefined && data.groups_left > 0
            ? `Only the 500 most frequent codes are counted; ${data.groups_left} more are not.`
            : undefined
  return told === undefined ? null : (
    <p className={styles['partial']} role="status">
      {told}
    </p>
  )
}

const isoOf = (second: number): string => new Date(second * 1000).toISOString()
