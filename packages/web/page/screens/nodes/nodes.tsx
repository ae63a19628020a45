// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { useNow } from '../../ask/use-now.ts'
import { byNeed, fleetWords, type NodeFacts } from '../../model/nodes.ts'
import { PlaceHead } from '../../parts/place-head.tsx'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { Table } from '../../parts/table.tsx'
import { Alarms } from './alarms.tsx'
import { NodeLine } from './node-line.tsx'

const columns = [
  { name: 'Node' },
  { name: 'State', width: 'word' },
  { name: 'Seen', width: 'word', isNamed: true },
  { name: 'Rows here', isNumber: true },
  { name: 'Not signed yet', isNumber: true },
  { name: 'Behind', isNumber: true },
  { name: 'Clock', width: 'time', isNumber: true },
  { name: 'Spool', width: 'time', isNumber: true },
  { name: 'Software', width: 'time' },
] as const

/** Every node of the fleet, those that need somebody first, and the alarms that stand. Asked again every ten seconds. */
export function Nodes(): ReactNode {
  const now = useNow()
  const nodes = useQuery({
    queryKey: ['nodes'],
    refetchInterval: 10_000,
    queryFn: ({ signal }) => call<{ nodes: readonly NodeFacts[] }>('/api/v1/nodes', { signal }),
  })
  if (nodes.isPending) return <Waiting what="Asking how the nodes stand" />
  if (nodes.isError) return <Failed error={nodes.error} onRetry={() => void nodes.refetch()} />
  const all = byNeed(nodes.data.nodes)
  if (all.length === 0)
    return (
      <>
        <PlaceHead title="Nodes" about="None yet" />
        <Empty title="No node has joined yet">
          <p>
            <code>fleet nodes enrol</code> prints the two variables with which a service ships its rows here.
          </p>
        </Empty>
      </>
    )
  return (
    <>
      <PlaceHead title="Nodes" about={fleetWords(all, now)} />
      <Alarms nodes={all} now={now} />
      <Table label="Nodes" columns={columns}>
        {all.map((each) => (
          <NodeLine key={each.node_id} node={each} now={now} />
        ))}
      </Table>
    </>
  )
}
