// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { streams } from 'fasten/core'
import type { ExpiredRow, Reader, ReaderRow } from 'fasten/reader/remote'
import { rowFace } from '../../model/row-face.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import styles from './row-related.module.css'

const rowsMax = 20

/** The rows around one: what caused it, what it caused, what else its request did, and what else was done to its target. Each list is short, and says so. */
export function RowRelated({
  row,
  reader,
  onOpen,
}: {
  readonly row: ReaderRow
  readonly reader: Reader
  readonly onOpen: (id: string) => void
}): ReactNode {
  const related = useQuery({
    queryKey: ['related', row.id],
    staleTime: 60_000,
    queryFn: ({ signal }) => relatedTo(row, reader, signal),
  })
  if (related.isPending) return <Waiting what="Looking around" />
  if (related.isError) return <Failed error={related.error} onRetry={() => void related.refetch()} />
  return (
    <div className={styles['related']}>
      {related.data.map(({ name, rows, isCut }) => (
        <section key={name}>
          <h3>{name}</h3>
          {rows.length === 0 ? <p className={styles['none']}>None that you may see.</p> : null}
          <ul>
            {rows.map((each) => {
              const { title, tone, more } = rowFace(each)
              return (
                <li key={each.id}>
                  <button
                    type="button"
                    className={styles['row']}
                    data-tone={tone}
                    onClick={() => onOpen(each.id)}
                  >
                    <span className={styles['time']}>
                      <Moment at={each.timestamp} shows="time" />
                    </span>
                    <span className={styles['title']}>
                      <PlainText>{`${title} ${more}`}</PlainText>
                    </span>
                  </button>
                </li>
              )
            })}
          </ul>
          {isCut ? <p className={styles['none']}>and more; these are {rowsMax}.</p> : null}
        </section>
      ))}
    </div>
  )
}

interface RelatedRows {
  readonly name: string
  readonly rows: readonly ReaderRow[]
  readonly isCut: boolean
}

async function relatedTo(
  row: ReaderRow,
  reader: Reader,
  signal: AbortSignal,
): Promise<readonly RelatedRows[]> {
  const { caused_by } = row
  const target =
    row.stream === 'audit' && typeof row.target === 'string' && row.target !== '' ? row.target : undefined
  const [cause, effects, thread, sameTarget] = await Promise.all([
    caused_by === undefined ? undefined : reader.row({ id: caused_by }),
    Promise.all(
      streams.map((stream) =>
        reader.page({ stream, filter: { caused_by: [row.id] }, limit: rowsMax, total: 'none' }, signal),
      ),
    ),
    reader.thread(row.request_id, rowsMax, signal),
    target === undefined
      ? undefined
      : reader.page({ stream: 'audit', filter: { target }, limit: rowsMax, total: 'none' }, signal),
  ])
  const caused = effects.flatMap((page) => page.rows)
  const others = (rows: readonly ReaderRow[]): readonly ReaderRow[] => rows.filter(({ id }) => id !== row.id)
  return [
    ...(caused_by === undefined
      ? []
      : [{ name: 'Its cause', rows: isRow(cause) ? [cause] : [], isCut: false }]),
    ...(caused.length === 0
      ? []
      : [
          {
            name: 'What it caused',
            rows: caused,
            isCut: effects.some(({ next_cursor }) => next_cursor !== null),
          },
        ]),
    {
      name: 'Of the same request',
      rows: others(thread.rows).slice(0, rowsMax),
      isCut: others(thread.rows).length > rowsMax || Object.values(thread.truncated).some(Boolean),
    },
    ...(sameTarget === undefined
      ? []
      : [
          {
            name: 'Done to the same target',
            rows: others(sameTarget.rows),
            isCut: sameTarget.next_cursor !== null,
          },
        ]),
  ]
}

const isRow = (row: ReaderRow | ExpiredRow | null | undefined): row is ReaderRow =>
  row !== null && row !== undefined && row.verification !== 'expired'
