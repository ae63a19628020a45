// SPDX-License-Identifier: Apache-2.0
import { parseLogName, parseTime } from 'fasten/core'
import { z } from 'zod'
import { noTenant } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import { isLogOf } from '../is-log-of.ts'
import { software } from '../node-schema.ts'
import { readNode } from '../node.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import type { AlarmBook } from '../alarms/raise-alarm.ts'

const count = z.int().min(0)

/** The body of `POST /ingest/v1/status` (spec/fleet.md#status). */
export const statusBody = z.strictObject({
  software,
  sent_at: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/, 'is a canonical timestamp')
    .transform((text, context) => {
      const micros = parseTime(text, 0)
      if (micros !== undefined) return micros
      context.addIssue({ code: 'custom', message: 'names a time that is none' })
      return z.NEVER
    }),
  round_trip_ms: z.number().min(0).max(600_000).optional(),
  logs: z.array(z.strictObject({ log: z.string().max(2_048), size: count, signed_size: count })).max(10_000),
  spool: z.strictObject({ rows: count, bytes: count, bytes_max: z.int().min(1).optional() }),
  stats: z
    .record(z.string().max(64), z.number())
    .refine((all) => Object.keys(all).length <= 64, 'at most 64'),
})

export type NodeStatusReport = z.output<typeof statusBody>

/**
 * Keeps what a node says of itself, with how far its clock is from ours and since when rows of its logs are missing here. `receivedMicros` is when
 * the request was here. Logs that are not the node's are left out. A log of which the node has less than it once said, or than is here, is an alarm:
 * it went back, or what it says was said before.
 */
export async function takeStatus(
  { database, book }: Pick<NodesDeps, 'database'> & { readonly book: Pick<AlarmBook, 'raise'> },
  node_id: string,
  report: NodeStatusReport,
  receivedMicros: number,
): Promise<void> {
  const at = new Date(receivedMicros / 1000)
  const { spool } = report
  await database.transact(async (sql) => {
    const node = await readNode(sql, node_id, database.seals)
    if (node === undefined) throw new Problem(403, 'FORBIDDEN', 'this node was revoked')
    await sql.query(
      `INSERT INTO fleet_node_status AS s
        (node_id, said_at, software, clock_offset_ms, clock_bound_ms, spool_rows, spool_bytes, spool_bytes_max, stats)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      ON CONFLICT (node_id) DO UPDATE SET said_at = excluded.said_at, software = excluded.software,
        clock_offset_ms = excluded.clock_offset_ms, clock_bound_ms = excluded.clock_bound_ms, spool_rows = excluded.spool_rows,
        spool_bytes = excluded.spool_bytes, spool_bytes_max = excluded.spool_bytes_max, stats = excluded.stats
      WHERE s.said_at <= excluded.said_at`,
      [
        node_id,
        at,
        report.software,
        (report.sent_at - receivedMicros) / 1000,
        report.round_trip_ms ?? null,
        spool.rows,
        spool.bytes,
        spool.bytes_max ?? null,
        report.stats,
      ],
    )
    const logs = new Map(
      report.logs.flatMap(({ log, ...sizes }) => {
        const parts = parseLogName(log)
        if (parts === undefined || !isLogOf(node, parts)) return []
        return [[log, { ...sizes, tenant: parts.tenant_id ?? noTenant }]]
      }),
    )
    // In one order, so that two reports of one node at once cannot wait for each other.
    const names = [...logs.keys()].sort()
    const column = <K extends 'tenant' | 'size' | 'signed_size'>(name: K) =>
      names.map((log) => logs.get(log)?.[name])
    const shrunk = await sql.query<{ log: string; size: string; known: string }>(
      `SELECT g.log, g.size, greatest(k.size, ${stored('g')}) AS known
      FROM unnest($2::text[], $3::bigint[]) AS g (log, size) LEFT JOIN fleet_node_logs k ON k.node_id = $1 AND k.log = g.log
      WHERE g.size < greatest(k.size, ${stored('g')})`,
      [node_id, names, column('size')],
    )
    for (const { log, size, known } of shrunk.rows)
      await book.raise(sql, {
        kind: 'rollback',
        subject: log,
        node_id,
        tenants: [logs.get(log)?.tenant ?? noTenant],
        message: `the node says that ${log} has ${size} rows there, and it had ${known}`,
        detail: { size: Number(size), known: Number(known) },
      })
    await sql.query(
      `INSERT INTO fleet_node_logs AS k (node_id, log, tenant, size, signed_size, behind_size, behind_since)
      SELECT $1, g.log, g.tenant, g.size, g.signed_size, CASE WHEN g.size > ${stored('g')} THEN g.size END,
        CASE WHEN g.size > ${stored('g')} THEN $2::timestamptz END
      FROM unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[]) AS g (log, tenant, size, signed_size)
      ON CONFLICT (node_id, log) DO UPDATE SET size = excluded.size, signed_size = excluded.signed_size,
        behind_size = CASE WHEN k.behind_size > ${stored('k')} THEN k.behind_size ELSE excluded.behind_size END,
        behind_since = CASE WHEN k.behind_size > ${stored('k')} THEN k.behind_since ELSE excluded.behind_since END`,
      [node_id, at, names, column('tenant'), column('size'), column('signed_size')],
    )
  })
}

/** SQL: how many rows of this log are here. */
const stored = (line: string): string =>
  `coalesce((SELECT max(l.size) FROM fasten_logs l WHERE l.log = ${line}.log), 0)`
