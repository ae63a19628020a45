// SPDX-License-Identifier: Apache-2.0
import type { LogParts } from 'fasten/core'
import { isWithin, noTenant } from '../database/tenant-scope.ts'
import type { Node } from './node.ts'

/** How the logs of sources name their node (ingest/sources): no node writes under such a name. */
export const isSourceNode = (source_node_id: string): boolean => /^source-[0-9a-z]{16}$/.test(source_node_id)

/** Whether a log is one that this node may write. */
export function isLogOf(
  node: Pick<Node, 'source_node_id' | 'service_id' | 'tenants'>,
  { tenant_id, service_id, source_node_id }: LogParts,
): boolean {
  return (
    source_node_id === node.source_node_id &&
    !isSourceNode(source_node_id) &&
    (node.service_id === undefined || service_id === node.service_id) &&
    isWithin(node.tenants, tenant_id ?? noTenant)
  )
}
