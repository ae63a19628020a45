// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import { useMemo, type ReactNode } from 'react'
import type { AgentCosts } from 'fasten/reader/remote'
import { useLocation, useSearch } from 'wouter'
import { readAgentRows } from '../../ask/agent-rows.ts'
import { createReader } from '../../ask/reader.ts'
import {
  approvalsOf,
  costsOf,
  failuresOf,
  groupingWords,
  moneyText,
  readAgentView,
  requestsOf,
  sumText,
  writeAgentView,
  type AgentView,
  type ShownGrouping,
} from '../../model/agents.ts'
import { Button } from '../../parts/button.tsx'
import { Moment } from '../../parts/moment.tsx'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Select } from '../../parts/select.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { WindowChoice } from '../../parts/window-choice.tsx'
import { AgentRequests } from './agent-requests.tsx'
import styles from './agents.module.css'
import { Approvals } from './approvals.tsx'
import { CostTable } from './cost-table.tsx'
import { Failures } from './failures.tsx'

const reader = createReader(location.origin)

/** What agents did, whom they did it for, and what it cost: sums first, then what needs a person, then request by request. */
export function Agents(): ReactNode {
  const search = useSearch()
  const [, navigate] = useLocation()
  const view = useMemo(() => readAgentView(search), [search])
  const change = (changes: Partial<AgentView>): void =>
    navigate(`/agents${writeAgentView({ ...view, ...changes })}`, { replace: 'by' in changes })
  const found = useAgents(view)
  return (
    <>
      <PlaceHead title="Agents" about="What agents did, whom they did it for, and what it cost.">
        <Select<ShownGrouping>
          label="Costs by"
          isQuiet
          value={view.by}
          options={(Object.entries(groupingWords) as [ShownGrouping, string][]).map(
            ([each, word]) => [each, `By ${word.toLowerCase()}`] as const,
          )}
          onChange={(by) => change({ by })}
        />
        <WindowChoice since={view.since} until={view.until} onChange={change} />
        <Button onPress={() => void found.refetch()}>Refresh</Button>
      </PlaceHead>
      {found.isPending ? (
        <Waiting what="Reading what agents did" />
      ) : found.isError ? (
        <Failed error={found.error} onRetry={() => void found.refetch()} />
      ) : found.data.requests.length === 0 ? (
        <Empty title="No agent did anything in this window">
          <p>
            Calls of models and tools leave rows where the agent shims of fasten are in use. Try a longer
            window.
          </p>
        </Empty>
      ) : (
        <>
          {found.data.isCut ? (
            <p className={styles['cut']} role="status">
              The newest 5,000 rows of agents, since <Moment at={found.data.oldest} />: what is older in this
              window is not in the sums, which are at least so much. <code>fasten agents cost</code> sums up
              any window.
            </p>
          ) : null}
          <Figures costs={found.data.costs} requests={found.data.requests.length} isCut={found.data.isCut} />
          <CostTable by={view.by} costs={found.data.costs} isCut={found.data.isCut} />
          <Approvals approvals={found.data.approvals} />
          <Failures rows={found.data.failures} />
          <AgentRequests requests={found.data.requests} />
        </>
      )}
    </>
  )
}

function useAgents({ since, until, by }: AgentView) {
  const rows = useQuery({
    queryKey: ['agent-rows', since, until],
    queryFn: ({ signal }) =>
      readAgentRows(reader, { domain: 'agent', since, ...(until === null ? {} : { until }) }, signal),
  })
  const summed = useQuery({
    queryKey: ['agent-sums', since, until, by, rows.dataUpdatedAt],
    enabled: rows.data !== undefined,
    queryFn: async () => {
      const { rows: own = [], isCut = false } = rows.data ?? {}
      return {
        isCut,
        oldest: own.at(-1)?.timestamp ?? '',
        costs: await costsOf(own, by),
        requests: requestsOf(own),
        approvals: approvalsOf(own),
        failures: failuresOf(own),
      }
    },
  })
  return {
    data: summed.data,
    isPending: rows.isPending || (summed.isPending && !rows.isError),
    isError: rows.isError || summed.isError,
    error: rows.error ?? summed.error,
    refetch: rows.refetch,
  } as
    | { data: undefined; isPending: true; isError: false; error: null; refetch: typeof rows.refetch }
    | { data: undefined; isPending: false; isError: true; error: Error; refetch: typeof rows.refetch }
    | {
        data: NonNullable<typeof summed.data>
        isPending: false
        isError: false
        error: null
        refetch: typeof rows.refetch
      }
}

/** The numbers that stand for all of it. What nobody knew the price of is beside the sum, not in it. */
function Figures({
  costs: { total },
  requests,
  isCut,
}: {
  readonly costs: AgentCosts
  readonly requests: number
  /** Not all rows of the window are in the sums, which are then at least so much. */
  readonly isCut: boolean
}): ReactNode {
  const sum = (text: string): string => sumText(text, isCut)
  const figures: readonly (readonly [name: string, value: string, more?: string | undefined])[] = [
    [
      'Cost',
      total.costUnknown === total.calls && total.calls > 0 ? 'unknown' : sum(moneyText(total.cost)),
      total.costUnknown === 0
        ? undefined
        : `and ${total.costUnknown.toLocaleString('en')} ${total.costUnknown === 1 ? 'call' : 'calls'} without a price`,
    ],
    [
      'Model calls',
      sum(total.calls.toLocaleString('en')),
      total.failures === 0 ? undefined : `${total.failures.toLocaleString('en')} failed`,
    ],
    ['Tokens in', sum(compact(total.inputTokens)), `${compact(total.cachedTokens)} of them cached`],
    ['Tokens out', sum(compact(total.outputTokens))],
    ['Requests', sum(requests.toLocaleString('en'))],
  ]
  return (
    <dl className={styles['figures']}>
      {figures.map(([name, value, more]) => (
        <div key={name} className={styles['figure']}>
          <dt>{name}</dt>
          <dd className={styles['value']}>{value}</dd>
          {more === undefined ? null : <dd className={styles['more']}>{more}</dd>}
        </div>
      ))}
    </dl>
  )
}

const compact = (count: number): string =>
  count < 10_000
    ? count.toLocaleString('en')
    : count.toLocaleString('en', { notation: 'compact', maximumSignificantDigits: 3 })
