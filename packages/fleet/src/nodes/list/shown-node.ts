// SPDX-License-Identifier: Apache-2.0
import { isWithin, narrowed, type TenantScope } from '../../database/tenant-scope.ts'
import { covers } from '../../web/rights.ts'
import type { AlarmKind } from '../alarms/alarm.ts'
import type { LogFacts, NodeFacts } from './node-facts.ts'

/** A node as the API shows it. */
export interface ShownNode {
  readonly node_id: string
  readonly source_node_id: string
  /** Null: any service. */
  readonly service_id: string | null
  /** Of those that whoever asks may see. */
  readonly tenants: TenantScope
  readonly software: string | null
  readonly enrolled_at: string
  readonly revoked_at: string | null
  /** To ten seconds; null for one that never came. */
  readonly last_seen_at: string | null
  /** Seconds without a request until that is an alarm. */
  readonly silent_after_s: number
  readonly needs_certificate: boolean
  /** Its clock less the fleet's is at least `offset_ms` and more by at most `bound_ms`, where it said how long its requests take. */
  readonly clock: {
    readonly offset_ms: number
    readonly bound_ms: number | null
    readonly said_at: string
  } | null
  /** What waits at the node to be stored there; null too where it is shared with tenants that are not shown. */
  readonly spool: { readonly rows: number; readonly bytes: number; readonly bytes_max: number | null } | null
  /** Over its logs: rows that it has and the fleet has not, and for how long at least the oldest of them. */
  readonly lag: { readonly rows: number; readonly seconds: number }
  readonly chain: ChainState
  readonly alarms: readonly AlarmKind[]
  readonly logs: readonly ShownLog[]
}

export interface ShownLog {
  readonly log: string
  /** At the node; null where it did not say. */
  readonly node_size: number | null
  readonly size: number
  readonly signed_size: number
  readonly lag_rows: number
  readonly lag_seconds: number
  /** `pass`: every row was checked, and those below `signed_size` are the ones that the node has signed for. */
  readonly chain: 'pass' | 'forked' | 'empty'
}

/** The worst that is known: what stands as an alarm, and else whether there is anything. */
export type ChainState = 'forked' | 'rolled_back' | 'refused' | 'silent' | 'pass' | 'empty'

export interface ShowOptions {
  /** Of whoever asks. */
  readonly scope: TenantScope
  readonly at: Date
  readonly silentAfterS: number
}

export function shownNode(node: NodeFacts, { scope, at, silentAfterS }: ShowOptions): ShownNode {
  const isWhole = covers({ tenants: scope }, { tenants: node.tenants })
  const logs = node.logs.filter(({ tenant }) => isWithin(scope, tenant)).map((log) => shownLog(log, at))
  const tenants = narrowed(node.tenants, scope)
  const { status } = node
  return {
    node_id: node.node_id,
    source_node_id: node.source_node_id,
    service_id: node.service_id ?? null,
    // Of one that sends for all, the tenants are those that it has logs of.
    tenants:
      isWhole || node.tenants !== 'all'
        ? tenants
        : [...new Set(node.logs.map(({ tenant }) => tenant))].filter((tenant) => isWithin(scope, tenant)),
    software: node.software,
    enrolled_at: node.enrolledAt.toISOString(),
    revoked_at: node.revokedAt?.toISOString() ?? null,
    last_seen_at: node.lastSeenAt?.toISOString() ?? null,
    silent_after_s: node.silentAfterS ?? silentAfterS,
    needs_certificate: node.wantsCertificate,
    clock:
      status === undefined
        ? null
        : { offset_ms: status.offsetMs, bound_ms: status.boundMs, said_at: status.saidAt.toISOString() },
    spool:
      status === undefined || !isWhole
        ? null
        : { rows: status.spoolRows, bytes: status.spoolBytes, bytes_max: status.spoolBytesMax },
    lag: {
      rows: logs.reduce((sum, { lag_rows }) => sum + lag_rows, 0),
      seconds: Math.max(0, ...logs.map(({ lag_seconds }) => lag_seconds)),
    },
    chain: chainOf(node, logs),
    alarms: [...node.alarms],
    logs,
  }
}

function shownLog({ log, nodeSize, size, signedSize, behindSince, isForked }: LogFacts, at: Date): ShownLog {
  return {
    log,
    node_size: nodeSize ?? null,
    size,
    signed_size: signedSize,
    lag_rows: Math.max(0, (nodeSize ?? 0) - size),
    lag_seconds: behindSince === null ? 0 : Math.max(0, (at.getTime() - behindSince.getTime()) / 1000),
    chain: isForked ? 'forked' : size === 0 ? 'empty' : 'pass',
  }
}

function chainOf({ alarms }: NodeFacts, logs: readonly ShownLog[]): ChainState {
  if (alarms.has('fork')) return 'forked'
  if (alarms.has('rollback')) return 'rolled_back'
  if (alarms.has('refusal')) return 'refused'
  if (alarms.has('silent')) return 'silent'
  return logs.some(({ size }) => size > 0) ? 'pass' : 'empty'
}
