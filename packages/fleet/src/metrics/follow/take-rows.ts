// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { noTenant } from '../../database/tenant-scope.ts'
import { secondOf } from '../tiers.ts'
import type { Exemplar } from '../measure.ts'
import { cut, routeOf } from './route-of.ts'

export type FollowedStream = 'api' | 'audit'

/** An access as it is counted. Members that a damaged row lacks are empty. */
export interface ApiSample {
  /** Seconds since the epoch; undefined where the row's time is none. */
  readonly second: number | undefined
  readonly tenant: string
  readonly service: string
  readonly node: string
  readonly route: string
  readonly method: string
  /** 1 to 5; 0 for what is no status of HTTP. */
  readonly statusClass: number
  readonly durationUs: number | undefined
  readonly exemplar: Exemplar | undefined
}

export interface AuditSample {
  readonly second: number | undefined
  readonly tenant: string
  readonly service: string
  readonly code: string
  readonly outcome: string
}

export interface Taken<S> {
  /** In the order of their commits. */
  readonly samples: readonly S[]
  /** Every row up to here, of whatever stream, has been seen. */
  readonly position: number
  /** False when more may be there already. */
  readonly isAll: boolean
}

/**
 * The next accesses behind a position, at most `limit`. What the store itself did to a log is told in api rows too (spec/row.md#rows-of-the-store);
 * nobody asked for these, and they are passed over.
 */
export async function takeApi(sql: PoolClient, behind: number, limit: number): Promise<Taken<ApiSample>> {
  const { rows, ...place } = await take(
    sql,
    `SELECT position, timestamp, tenant_id, service_id, source_node_id, method, path, route, status, duration_us, request_id, trace_id,
      method = 'POST' AND status = 201 AND strpos(leaf, '"boot_id":"fa57e400') > 0 AS is_own FROM api_log`,
    behind,
    limit,
  )
  return { ...place, samples: rows.filter((row) => row['is_own'] !== true).map(apiSampleOf) }
}

/** The next audit rows behind a position, at most `limit`; those of the store are rows as well. */
export async function takeAudit(sql: PoolClient, behind: number, limit: number): Promise<Taken<AuditSample>> {
  const { rows, ...place } = await take(
    sql,
    'SELECT position, timestamp, tenant_id, service_id, code, outcome FROM audit_log',
    behind,
    limit,
  )
  return {
    ...place,
    samples: rows.map((row) => ({
      second: secondOf(textIn(row, 'timestamp')),
      tenant: textIn(row, 'tenant_id') ?? noTenant,
      service: cut(textIn(row, 'service_id') ?? ''),
      code: cut(textIn(row, 'code') ?? ''),
      outcome: cut(textIn(row, 'outcome') ?? ''),
    })),
  }
}

type Columns = Readonly<Record<string, unknown>>

/** Counter and rows in one statement, and so of one moment. */
async function take(
  sql: PoolClient,
  select: string,
  behind: number,
  limit: number,
): Promise<{ readonly rows: readonly Columns[]; readonly position: number; readonly isAll: boolean }> {
  const { rows } = await sql.query<Columns & { horizon: string; position: string | null }>(
    `SELECT c.value AS horizon, r.* FROM fasten_counters c LEFT JOIN LATERAL (
      ${select} WHERE position > $1 AND position <= c.value ORDER BY position LIMIT $2) r ON true
    WHERE c.name = 'position' ORDER BY r.position`,
    [behind, limit],
  )
  const found = rows.filter(({ position }) => position !== null)
  const isAll = found.length < limit
  const position = isAll ? rows[0]?.horizon : found.at(-1)?.position
  return { rows: found, position: Math.max(behind, Number(position ?? behind)), isAll }
}

function apiSampleOf(row: Columns): ApiSample {
  const timestamp = textIn(row, 'timestamp')
  const status = wholeIn(row, 'status')
  const durationUs = wholeIn(row, 'duration_us')
  const requestId = textIn(row, 'request_id')
  const isShowable = timestamp !== null && requestId !== null && requestId.length <= 256
  return {
    second: secondOf(timestamp),
    tenant: textIn(row, 'tenant_id') ?? noTenant,
    service: cut(textIn(row, 'service_id') ?? ''),
    node: cut(textIn(row, 'source_node_id') ?? ''),
    route: routeOf({ route: textIn(row, 'route'), path: textIn(row, 'path'), status }),
    method: cut(textIn(row, 'method') ?? ''),
    statusClass: status !== undefined && status >= 100 && status < 600 ? Math.floor(status / 100) : 0,
    durationUs,
    exemplar:
      isShowable && durationUs !== undefined
        ? {
            request_id: requestId,
            trace_id: cutOrNull(textIn(row, 'trace_id')),
            duration_us: durationUs,
            at: timestamp,
          }
        : undefined,
  }
}

function textIn(row: Columns, name: string): string | null {
  const value = row[name]
  return typeof value === 'string' ? value : null
}

/** A count in a bigint column; undefined for none, for negative ones and for what no number holds exactly. */
function wholeIn(row: Columns, name: string): number | undefined {
  const text = textIn(row, name)
  const value = text === null ? -1 : Number(text)
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined
}

const cutOrNull = (text: string | null): string | null => (text === null ? null : cut(text))
