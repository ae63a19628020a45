// SPDX-License-Identifier: Apache-2.0
import type { LogParts } from 'fasten/core'
import { isWithin, noTenant } from '../database/tenant-scope.ts'
import type { Node } from './node.ts'

/** Whether a log is one that this node may write. */
export function isLogOf(
  node: Pick<Node, 'source_node_id' | 'service_id' | 'tenants'>,
  { tenant_id, service_id, source_node_id }: LogParts,
): boolean {
  return (
    source_node_id === node.source_node_id &&
    (node.service_id === undefined || service_id === node.service_id) &&
    isWithin(node.tenants, tenant_id ?? noTenant)
  )
}
