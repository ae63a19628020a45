// SPDX-License-Identifier: Apache-2.0
import { useInfiniteQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link, useParams, useSearchParams } from 'wouter'
import { call } from '../../ask/call.ts'
import { createReader } from '../../ask/reader.ts'
import { daysOf, partWords, questionsAbout, type EntityRow } from '../../model/entity.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { rowFace } from '../../model/row-face.ts'
import { Button } from '../../parts/button.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { RowDrawer } from '../investigate/row-drawer.tsx'
import styles from './entity.module.css'
import { NotNamed } from './not-named.tsx'

const reader = createReader(location.origin)

interface TimelinePage {
  readonly rows: readonly EntityRow[]
  readonly next_cursor: string | null
}

/** Everything that somebody did, had done, or that was done to something, the newest first, day by day. */
export function Entity(): ReactNode {
  const { kind, id } = useParams<{ kind: string; id: string }>()
  const [search, setSearch] = useSearchParams()
  const selected = search.get('row')
  const timeline = useInfiniteQuery({
    queryKey: ['entity', kind, id],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      call<TimelinePage>(`/api/v1/entities/${encodeURIComponent(kind)}/${encodeURIComponent(id)}/timeline`, {
        search: { limit: 200, cursor: pageParam },
        signal,
      }),
    getNextPageParam: ({ next_cursor }) => next_cursor ?? undefined,
  })
  if (timeline.isPending) return <Waiting what="Gathering its days" />
  if (timeline.isError) return <Failed error={timeline.error} onRetry={() => void timeline.refetch()} />
  const rows = timeline.data.pages.flatMap((page) => page.rows)
  const newest = rows[0]?.row.timestamp
  return (
    <div className={styles['entity']} data-drawer={selected !== null}>
      <section className={styles['body']} aria-label="Timeline">
        <header className={styles['head']}>
          <p className={styles['path']}>
            <Link href="/investigate">Investigate</Link>
          </p>
          <h1>
            <span className={styles['kind']}>
              <PlainText>{kind}</PlainText>
            </span>{' '}
            <PlainText>{id}</PlainText>
          </h1>
          {newest === undefined ? null : (
            <div className={styles['facts']}>
              <span>{`${rows.length.toLocaleString('en')} ${rows.length === 1 ? 'audit row' : 'audit rows'}${timeline.hasNextPage ? ', and older ones' : ' of all time'}`}</span>
              <span>
                newest <Moment at={newest} />
              </span>
              <nav className={styles['ways']} aria-label="Of these rows">
                {questionsAbout(rows).map(({ name, text }) => (
                  <Link
                    key={text}
                    href={`/investigate${writeInvestigation({ ...readInvestigation(''), text, since: '-30d' })}`}
                  >
                    {name}
                  </Link>
                ))}
              </nav>
            </div>
          )}
        </header>
        {rows.length === 0 ? <NotNamed kind={kind} id={id} reader={reader} /> : null}
        {daysOf(rows).map(({ day, rows: own }) => (
          <section key={day} aria-label={day}>
            <h2 className={styles['day']}>{day}</h2>
            <ol>
              {own.map((each) => (
                <li key={each.row.id}>
                  <Line
                    entry={each}
                    isSelected={each.row.id === selected}
                    onPress={() => setSearch({ row: each.row.id }, { replace: true })}
                  />
                </li>
              ))}
            </ol>
          </section>
        ))}
        {timeline.hasNextPage ? (
          <div className={styles['more']}>
            <Button isDisabled={timeline.isFetchingNextPage} onPress={() => void timeline.fetchNextPage()}>
              Older
            </Button>
          </div>
        ) : null}
      </section>
      {selected === null ? null : (
        <RowDrawer id={selected} reader={reader} onClose={() => setSearch({}, { replace: true })} />
      )}
    </div>
  )
}

function Line({
  entry: { as, row },
  isSelected,
  onPress,
}: {
  readonly entry: EntityRow
  readonly isSelected: boolean
  readonly onPress: () => void
}): ReactNode {
  const { title, tone, who, more } = rowFace({ ...row, verification: 'chained' })
  const other = as.includes('actor') ? more : (who ?? '')
  return (
    <button
      type="button"
      className={styles['line']}
      data-tone={tone}
      aria-pressed={isSelected}
      onClick={onPress}
    >
      <Moment at={row.timestamp} shows="time" />
      <span className={styles['part']}>{as.map((each) => partWords[each]).join(', ')}</span>
      <span className={styles['title']}>
        <PlainText>{title}</PlainText>
      </span>
      <span className={styles['other']}>
        <PlainText>{other}</PlainText>
      </span>
      <span className={styles['where']}>
        <PlainText>{`${row.service_id} ${row.source_node_id}`}</PlainText>
      </span>
    </button>
  )
}
