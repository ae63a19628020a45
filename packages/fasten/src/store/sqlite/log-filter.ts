// SPDX-License-Identifier: Apache-2.0
import { parseLogName } from '../../core/log-name.ts'
import type { StreamName } from '../../core/row.ts'
import type { ScanFilter } from '../ports.ts'
import { logsOf } from './evidence.ts'
import { legacyView } from './legacy-table.ts'
import type { Statements } from './statements.ts'

/** The logs that a filter leaves, by the `log_id` of their rows. */
export interface LogFilter {
  readonly ids: readonly bigint[]
  /** True when they hold so little of the table that their rows are better looked up than looked for. */
  readonly isNarrow: boolean
}

/**
 * Which logs rows can lie in that pass `filter`, or undefined when it does not ask for a source, leaves too many logs, or the rows
 * lie in none. Every row names the tenant, service and node of its log (append refuses others), so a source that never wrote is
 * answered without reading rows. Logs of unknown name stay in: their rows are looked at.
 */
export function logFilterOf(
  statements: Statements,
  stream: StreamName,
  table: string,
  filter: ScanFilter,
): LogFilter | undefined {
  const { log, ...rest } = filter
  const asked = sourceMembers.filter((name) => rest[name] !== undefined)
  if (table === legacyView || (log === undefined && asked.length === 0)) return undefined
  const all = logsOf(statements, stream, table)
  const left = all.filter((candidate) => {
    const parts = parseLogName(candidate.log)
    if (log !== undefined && candidate.log !== log) return false
    return parts === undefined || asked.every((name) => parts[name] === rest[name])
  })
  if (left.length > idsMax) return undefined
  const sizeOf = (logs: readonly { readonly size: number }[]): number =>
    logs.reduce((sum, { size }) => sum + size, 0)
  return { ids: left.map(({ logId }) => logId), isNarrow: sizeOf(left) * narrowShare < sizeOf(all) }
}

const sourceMembers = ['tenant_id', 'service_id', 'source_node_id'] as const
const idsMax = 200
const narrowShare = 20
