// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import type { ScanFilter } from '../ports.ts'
import type { KnownLog } from './evidence.ts'
import type { IndexedBy } from './where.ts'

/** The logs that a filter leaves, by the `log_id` of their rows. */
export interface LogFilter {
  readonly ids: readonly string[]
}

/**
 * Which logs rows can lie in that pass `filter`, or undefined when it does not ask for a source or leaves too many logs. Every row names
 * the tenant, service and node of its log (append refuses others), so a source that never wrote is answered without reading rows. Logs
 * of unknown name stay in: their rows are looked at. `logs` is asked only when the filter needs it.
 *
 * Where an index leads to the rows of a tenant in the order of time, its logs are not said as well: the planner would multiply the odds of two
 * conditions that say the same, expect few rows, and gather and sort all that there are.
 */
export async function logFilterOf(
  filter: ScanFilter,
  { logs, indexedBy }: { readonly logs: () => Promise<readonly KnownLog[]>; readonly indexedBy: IndexedBy },
): Promise<LogFilter | undefined> {
  const { log, ...rest } = filter
  const asked = sourceMembers.filter((name) => rest[name] !== undefined)
  if (log === undefined && asked.length === 0) return undefined
  const left = (await logs()).filter((candidate) => {
    const parts = parseLogName(candidate.log)
    if (log !== undefined && candidate.log !== log) return false
    return parts === undefined || asked.every((name) => parts[name] === rest[name])
  })
  const isOfTenant = asked.length === 1 && asked[0] === 'tenant_id' && log === undefined
  if (isOfTenant && indexedBy === 'name' && left.length > 0) return undefined
  // The members are asked of the rows as well; the name of a log is in no column.
  return left.length > idsMax && log === undefined ? undefined : { ids: left.map(({ logId }) => logId) }
}

const sourceMembers = ['tenant_id', 'service_id', 'source_node_id'] as const
const idsMax = 200
