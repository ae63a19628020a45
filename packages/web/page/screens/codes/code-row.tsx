// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { parsePageQuery, type ReaderRow } from 'fasten/reader/remote'
import { Link } from 'wouter'
import { nowMicros } from '../../ask/now.ts'
import { createReader } from '../../ask/reader.ts'
import {
  totalWords,
  type CodeCounts,
  type CodeLine,
  type CodeView,
  type KnownCode,
} from '../../model/codes.ts'
import { readInvestigation, writeInvestigation } from '../../model/investigation.ts'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Failed, Waiting } from '../../parts/state.tsx'
import { cell } from '../../parts/table.tsx'
import styles from './codes.module.css'

const reader = createReader(location.origin)

const tones: Readonly<Record<string, string | undefined>> = {
  warn: cell.warn,
  error: cell.bad,
  critical: cell.bad,
  debug: cell.soft,
}

/** One code; opened, all that is said of it and its newest row. */
export function CodeRow({
  line: { code, known, rows, failures },
  view,
  counts,
}: {
  readonly line: CodeLine
  readonly view: CodeView
  readonly counts: CodeCounts | undefined
}): ReactNode {
  const [isOpen, setOpen] = useState(false)
  const atLeast = counts?.complete === false && rows > 0 ? '≥ ' : ''
  const count = (number: number): string =>
    counts === undefined ? '' : number === 0 ? '–' : `${atLeast}${number.toLocaleString('en')}`
  return (
    <>
      <tr>
        <th scope="row">
          <button
            type="button"
            className={styles['open']}
            aria-expanded={isOpen}
            onClick={() => setOpen(!isOpen)}
          >
            <PlainText>{code}</PlainText>
          </button>
        </th>
        <td className={`${cell.grow} ${cell.soft}`}>{known?.description ?? ''}</td>
        <td className={`${known === null ? cell.none : cell.state} ${tones[known?.severity ?? ''] ?? ''}`}>
          {known?.severity ?? '–'}
        </td>
        <td className={known === null ? cell.none : undefined}>{known?.retention_class ?? '–'}</td>
        <td className={`${cell.number} ${rows === 0 ? cell.none : ''}`}>{count(rows)}</td>
        <td className={`${cell.number} ${failures > 0 ? cell.warn : cell.none}`}>{count(failures)}</td>
      </tr>
      {isOpen ? (
        <tr>
          <td colSpan={6} className={styles['inner']}>
            <Opened code={code} known={known} view={view} />
          </td>
        </tr>
      ) : null}
    </>
  )
}

const fromWords: Readonly<Record<KnownCode['from'], string>> = {
  fasten: 'fasten itself, in every log',
  fleet: 'this fleet, of itself',
  own: 'a service, by a file that this server was given',
  catalogue: 'the catalogue that comes with fasten; a service may mean something narrower',
}

function Opened({
  code,
  known,
  view: { since, until },
}: {
  readonly code: string
  readonly known: KnownCode | null
  readonly view: CodeView
}): ReactNode {
  const newest = useQuery({
    queryKey: ['newest-of-code', code, since, until],
    queryFn: async ({ signal }) => {
      const search = new URLSearchParams({ code, since, limit: '1', total: 'estimated' })
      if (until !== null) search.set('until', until)
      const query = parsePageQuery(search, 'audit', nowMicros())
      if (!query.ok) throw new TypeError(query.problems[0]?.detail ?? 'this is no window')
      return await reader.page(query.value, signal)
    },
  })
  const row = newest.data?.rows[0]
  const question = { ...readInvestigation(''), text: `code:${code}`, since, until }
  return (
    <div className={styles['opened']}>
      <dl className={styles['facts']}>
        {known === null ? null : (
          <>
            <Fact name="Says so">{fromWords[known.from]}</Fact>
            <Fact name="Category">
              <PlainText>{known.category}</PlainText>
            </Fact>
            <Fact name="Action">
              <PlainText>{known.action}</PlainText>
            </Fact>
            {known.emitter === '' ? null : (
              <Fact name="Emitted by">
                <PlainText>{known.emitter}</PlainText>
              </Fact>
            )}
            {known.is_personal ? <Fact name="Holds">values about a person, which can be erased</Fact> : null}
            {known.high_volume ? <Fact name="Comes">in great numbers</Fact> : null}
          </>
        )}
        {newest.data === undefined ? null : (
          <Fact name="Rows that you may see">{totalWords(newest.data.total, newest.data.total_kind)}</Fact>
        )}
        {row === undefined ? null : <Newest row={row} isKnown={known !== null} />}
      </dl>
      {newest.isPending ? <Waiting what="Looking for the newest row" /> : null}
      {newest.isError ? <Failed error={newest.error} onRetry={() => void newest.refetch()} /> : null}
      <p className={styles['foot']}>
        <Link href={`/investigate${writeInvestigation(question)}`}>Investigate its rows</Link>
        {row === undefined ? null : (
          <Link href={`/investigate${writeInvestigation({ ...question, selected: row.id })}`}>
            Open the newest
          </Link>
        )}
      </p>
    </div>
  )
}

/** What the newest row says of a code itself, which for one that nobody explained is all that is known. */
function Newest({ row, isKnown }: { readonly row: ReaderRow; readonly isKnown: boolean }): ReactNode {
  return (
    <>
      <Fact name="Newest">
        <Moment at={row.timestamp} /> from <PlainText>{`${row.service_id} ${row.source_node_id}`}</PlainText>
      </Fact>
      {isKnown || row.stream !== 'audit' ? null : (
        <>
          <Fact name="Domain">
            <PlainText>{row.domain}</PlainText>
          </Fact>
          <Fact name="Action">
            <PlainText>{row.action}</PlainText>
          </Fact>
          <Fact name="Severity">{row.severity}</Fact>
          <Fact name="Retention class">{row.retention_class}</Fact>
        </>
      )}
    </>
  )
}

function Fact({ name, children }: { readonly name: string; readonly children: ReactNode }): ReactNode {
  return (
    <div className={styles['fact']}>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
