// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useMemo, type ReactNode } from 'react'
import { agentTree, decimalText, sumsOf, type AgentRow } from 'fasten/reader/remote'
import { Link, useParams, useSearchParams } from 'wouter'
import { readAgentRows } from '../../ask/agent-rows.ts'
import { createReader } from '../../ask/reader.ts'
import { decisionsIn, moneyText } from '../../model/agents.ts'
import { CopyButton } from '../../parts/copy-button.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlainText } from '../../parts/plain-text.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { RowDrawer } from '../investigate/row-drawer.tsx'
import { AgentTree } from './agent-tree.tsx'
import styles from './agent-run.module.css'

const reader = createReader(location.origin)

/** What agents did in one request: who worked for whom, what was asked, used, done, let and paid. */
export function AgentRun(): ReactNode {
  const { request_id: id } = useParams<{ request_id: string }>()
  const [search, setSearch] = useSearchParams()
  const selected = search.get('row')
  const select = (row: string | null): void => setSearch(row === null ? {} : { row }, { replace: true })
  const found = useQuery({
    queryKey: ['agent-run', id],
    queryFn: ({ signal }) => readAgentRows(reader, { request_id: id, order: 'oldest' }, signal),
  })
  if (found.isPending) return <Waiting what="Gathering what agents did in it" />
  if (found.isError) return <Failed error={found.error} onRetry={() => void found.refetch()} />
  return (
    <div className={styles['run']} data-drawer={selected !== null}>
      <Drawn id={id} rows={found.data.rows} isCut={found.data.isCut} selected={selected} onSelect={select} />
      {selected === null ? null : <RowDrawer id={selected} reader={reader} onClose={() => select(null)} />}
    </div>
  )
}

function Drawn({
  id,
  rows,
  isCut,
  selected,
  onSelect,
}: {
  readonly id: string
  readonly rows: readonly AgentRow[]
  readonly isCut: boolean
  readonly selected: string | null
  readonly onSelect: (row: string) => void
}): ReactNode {
  const nodes = useMemo(() => agentTree(rows), [rows])
  const sums = useMemo(() => sumsOf(nodes), [nodes])
  const decisions = useMemo(() => decisionsIn(rows), [rows])
  const first = nodes[0]?.row
  if (first === undefined)
    return (
      <Empty title="No agent did anything in this request that you may see">
        <p>
          <Link href={`/requests/${encodeURIComponent(id)}`}>Open the request itself</Link>
        </p>
      </Empty>
    )
  const failed = sums.failures + sums.toolFailures
  return (
    <section className={styles['body']} aria-label="What agents did">
      <header className={styles['head']}>
        <p className={styles['path']}>
          <Link href="/agents">Agents</Link>
        </p>
        <div className={styles['name']}>
          <h1>
            Request{' '}
            <code>
              <PlainText>{id}</PlainText>
            </code>
          </h1>
          <CopyButton text={id} label="Copy id" />
          <nav className={styles['ways']} aria-label="Of this request">
            <Link href={`/requests/${encodeURIComponent(id)}`}>On one line of time</Link>
          </nav>
        </div>
        <p className={styles['facts']}>
          <Moment at={first.timestamp} />
          <strong title={`$${decimalText(sums.cost)}`}>
            {sums.calls > 0 && sums.costUnknown === sums.calls ? 'cost unknown' : moneyText(sums.cost)}
          </strong>
          {sums.costUnknown > 0 && sums.costUnknown < sums.calls ? (
            <span
              className={styles['warn']}
              title="No price was known when these models were called"
            >{`and ${counted(sums.costUnknown, 'call')} without a price`}</span>
          ) : null}
          <span>{counted(sums.calls, 'model call')}</span>
          <span>{counted(sums.tools, 'tool call')}</span>
          {failed === 0 ? null : <span className={styles['bad']}>{`${failed} failed`}</span>}
          <span>{`${sums.inputTokens.toLocaleString('en')} tokens in, ${sums.outputTokens.toLocaleString('en')} out`}</span>
        </p>
        {isCut ? (
          <p className={styles['warn']} role="status">
            Only the oldest 5,000 rows of it are here; there are more.
          </p>
        ) : null}
      </header>
      <AgentTree nodes={nodes} decisions={decisions} selected={selected} onSelect={onSelect} />
    </section>
  )
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString('en')} ${what}${count === 1 ? '' : 's'}`
