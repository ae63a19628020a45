// SPDX-License-Identifier: Apache-2.0
import { logName, parseLogName } from 'fasten/core'
import { noTenant, type TenantScope } from '../../database/tenant-scope.ts'
import { isLogOf } from '../is-log-of.ts'
import { scopeOf, type NodeSql } from '../node.ts'
import { alarmKinds, type AlarmKind } from '../alarms/alarm.ts'

/** Everything that is known of a node and its logs. */
export interface NodeFacts {
  readonly node_id: string
  readonly source_node_id: string
  readonly service_id: string | undefined
  readonly tenants: TenantScope
  readonly enrolledAt: Date
  readonly enrolledWith: string | null
  readonly revokedAt: Date | null
  readonly lastSeenAt: Date | null
  /** Null: as the fleet says. */
  readonly silentAfterS: number | null
  readonly software: string | null
  readonly wantsCertificate: boolean
  readonly status: StatusFacts | undefined
  /** By name. */
  readonly logs: readonly LogFacts[]
  /** Kinds of the alarms about it that stand. */
  readonly alarms: ReadonlySet<AlarmKind>
}

export interface StatusFacts {
  readonly saidAt: Date
  readonly offsetMs: number
  readonly boundMs: number | null
  readonly spoolRows: number
  readonly spoolBytes: number
  readonly spoolBytesMax: number | null
  readonly stats: Readonly<Record<string, number>>
}

export interface LogFacts {
  readonly log: string
  readonly tenant: string
  /** At the node, as it last said; undefined where it said nothing. */
  readonly nodeSize: number | undefined
  /** Here. */
  readonly size: number
  /** How many of those are covered by a checkpoint that this fleet has cosigned. */
  readonly signedSize: number
  /** Since when at the latest rows that the node had then are missing here. */
  readonly behindSince: Date | null
  readonly isForked: boolean
}

export interface NodeFilter {
  /** Nodes that send for one of these tenants. */
  readonly scope: TenantScope
  readonly node_id?: string
  /** Default true. */
  readonly withRevoked?: boolean
  /** Nodes behind this one, in the order of names. */
  readonly after?: string | undefined
  readonly limit?: number
}

/** In the order of their names. */
export async function readNodeFacts(sql: NodeSql, filter: NodeFilter): Promise<readonly NodeFacts[]> {
  const { scope, node_id, withRevoked = true, after, limit = 1_000_000 } = filter
  const { rows } = await sql.query<NodeRow>(
    `SELECT n.node_id, n.source_node_id, n.service_id, n.tenants, n.enrolled_at, n.enrolled_with, n.revoked_at, n.last_seen_at, n.silent_after_s,
      coalesce(s.software, n.software) AS software, s.said_at, s.clock_offset_ms, s.clock_bound_ms, s.spool_rows, s.spool_bytes,
      s.spool_bytes_max, s.stats,
      EXISTS (SELECT FROM fleet_node_credentials c WHERE c.node_id = n.node_id AND c.ends_at IS NULL AND c.wants_certificate) AS wants_certificate,
      ARRAY(SELECT a.kind FROM fleet_alarms a WHERE a.node_id = n.node_id AND a.cleared_at IS NULL) AS alarms
    FROM fleet_nodes n LEFT JOIN fleet_node_status s USING (node_id)
    WHERE ($1::text[] IS NULL OR n.tenants && $1
        OR n.tenants IS NULL AND EXISTS (SELECT FROM fleet_node_logs k WHERE k.node_id = n.node_id AND k.tenant = ANY ($1)))
      AND ($2::text IS NULL OR n.node_id = $2) AND ($3 OR n.revoked_at IS NULL)
      AND ($4::text IS NULL OR (n.source_node_id, n.node_id) > (SELECT a.source_node_id, a.node_id FROM fleet_nodes a WHERE a.node_id = $4))
    ORDER BY n.source_node_id, n.node_id LIMIT $5`,
    [scope === 'all' ? null : scope, node_id ?? null, withRevoked, after ?? null, limit],
  )
  const ids = rows.map((row) => row.node_id)
  const told = await sql.query<ToldLog>(
    'SELECT node_id, log, size, behind_size, behind_since FROM fleet_node_logs WHERE node_id = ANY ($1)',
    [ids],
  )
  const here = await sql.query<StoredLog>(
    `SELECT l.log, l.size, coalesce((
      SELECT max(c.size) FROM fasten_checkpoints c WHERE c.table_name = l.table_name AND c.log = l.log), 0) AS signed_size
    FROM fasten_logs l WHERE l.replica_frontier IS NOT NULL AND split_part(l.log, '/', 3) = ANY ($1)`,
    [[...new Set(rows.map(({ source_node_id }) => encoded(source_node_id)))]],
  )
  const forks = await sql.query<{ node_id: string; log: string }>(
    "SELECT DISTINCT node_id, log FROM fleet_evidence WHERE node_id = ANY ($1) AND code = 'FORK_DETECTED'",
    [ids],
  )
  const forked = new Set(forks.rows.map(({ node_id: node, log }) => `${node} ${log}`))
  const toldOf = Map.groupBy(told.rows, (line) => line.node_id)
  const hereOf = Map.groupBy(here.rows, ({ log }) => log.split('/')[2] ?? '')
  return rows.map((row) => {
    const node = {
      node_id: row.node_id,
      source_node_id: row.source_node_id,
      service_id: row.service_id ?? undefined,
      tenants: scopeOf(row.tenants),
    }
    return {
      ...node,
      enrolledAt: row.enrolled_at,
      enrolledWith: row.enrolled_with,
      revokedAt: row.revoked_at,
      lastSeenAt: row.last_seen_at,
      silentAfterS: row.silent_after_s,
      software: row.software,
      wantsCertificate: row.wants_certificate,
      status: statusOf(row),
      logs: logsOf(
        node,
        toldOf.get(row.node_id) ?? [],
        hereOf.get(encoded(row.source_node_id)) ?? [],
        forked,
      ),
      alarms: new Set(alarmKinds.filter((kind) => row.alarms.includes(kind))),
    }
  })
}

interface NodeRow {
  readonly node_id: string
  readonly source_node_id: string
  readonly service_id: string | null
  readonly tenants: string[] | null
  readonly enrolled_at: Date
  readonly enrolled_with: string | null
  readonly revoked_at: Date | null
  readonly last_seen_at: Date | null
  readonly silent_after_s: number | null
  readonly software: string | null
  readonly wants_certificate: boolean
  readonly said_at: Date | null
  readonly clock_offset_ms: number | null
  readonly clock_bound_ms: number | null
  readonly spool_rows: string | null
  readonly spool_bytes: string | null
  readonly spool_bytes_max: string | null
  readonly stats: Readonly<Record<string, number>> | null
  readonly alarms: readonly string[]
}

interface ToldLog {
  readonly node_id: string
  readonly log: string
  readonly size: string
  readonly behind_size: string | null
  readonly behind_since: Date | null
}

interface StoredLog {
  readonly log: string
  readonly size: string
  readonly signed_size: string
}

function statusOf(row: NodeRow): StatusFacts | undefined {
  if (row.said_at === null) return undefined
  return {
    saidAt: row.said_at,
    offsetMs: row.clock_offset_ms ?? 0,
    boundMs: row.clock_bound_ms,
    spoolRows: Number(row.spool_rows),
    spoolBytes: Number(row.spool_bytes),
    spoolBytesMax: row.spool_bytes_max === null ? null : Number(row.spool_bytes_max),
    stats: row.stats ?? {},
  }
}

function logsOf(
  node: Pick<NodeFacts, 'node_id' | 'source_node_id' | 'service_id' | 'tenants'>,
  told: readonly ToldLog[],
  here: readonly StoredLog[],
  forked: ReadonlySet<string>,
): readonly LogFacts[] {
  const toldBy = new Map(told.map((line) => [line.log, line]))
  const hereBy = new Map(here.map((line) => [line.log, line]))
  return [...new Set([...toldBy.keys(), ...hereBy.keys()])].sort().flatMap((log) => {
    const parts = parseLogName(log)
    if (parts === undefined || !isLogOf(node, parts)) return []
    const [said, stored] = [toldBy.get(log), hereBy.get(log)]
    const size = Number(stored?.size ?? 0)
    const isBehind = Number(said?.behind_size ?? 0) > size
    return [
      {
        log,
        tenant: parts.tenant_id ?? noTenant,
        nodeSize: said && Number(said.size),
        size,
        signedSize: Number(stored?.signed_size ?? 0),
        behindSince: isBehind ? (said?.behind_since ?? null) : null,
        isForked: forked.has(`${node.node_id} ${log}`),
      },
    ]
  })
}

/** A node's id as the names of its logs spell it. */
const encoded = (source_node_id: string): string =>
  logName({ service_id: 'x', source_node_id, stream: 'audit' }).split('/')[2] ?? ''
