// SPDX-License-Identifier: Apache-2.0
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { call } from '../../ask/call.ts'
import { byNeed, standingOf, type NodeFacts } from '../../model/nodes.ts'
import { Empty, Failed, Waiting } from '../../parts/state.tsx'
import { Alarms } from './alarms.tsx'
import { NodeLine } from './node-line.tsx'
import styles from './nodes.module.css'

/** Every node of the fleet, those that need somebody first, and the alarms that stand. Asked again every ten seconds. */
export function Nodes(): ReactNode {
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
      <Empty title="No node has joined yet">
        <p>
          <code>fleet nodes enrol</code> prints the two variables with which a service ships its rows here.
        </p>
      </Empty>
    )
  const needing = all.filter((each) => ['bad', 'warn'].includes(standingOf(each))).length
  return (
    <div className={styles['nodes']}>
      <header className={styles['head']}>
        <h1>Nodes</h1>
        <p>
          {`${all.length} ${all.length === 1 ? 'node' : 'nodes'}, `}
          {needing === 0 ? 'all as they should be' : `${needing} to look at`}
        </p>
      </header>
      <Alarms />
      <div className={styles['wrap']}>
        <table className={styles['table']}>
          <thead>
            <tr>
              <th scope="col">Node</th>
              <th scope="col">Chain</th>
              <th scope="col">Last seen</th>
              <th scope="col" className={styles['number']}>
                Behind
              </th>
              <th scope="col" className={styles['number']}>
                Clock
              </th>
              <th scope="col" className={styles['number']}>
                Spool
              </th>
              <th scope="col">Software</th>
            </tr>
          </thead>
          <tbody>
            {all.map((each) => (
              <NodeLine key={each.node_id} node={each} />
            ))}
          </tbody>
        </table>
      </div>
    </div>
  )
}
