// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { Fasten } from 'fasten'
import {
  createRedactor,
  formatMicros,
  logName,
  parseTime,
  type JsonObject,
  type NoteSigner,
} from 'fasten/core'
import type { Clock, UncleanApi, UncleanAudit, UncleanSys } from 'fasten/core'
import { createSystemIds } from 'fasten/store'
import type { HeldReplica, Replica } from 'fasten/store/replica'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import { isWithin, noTenant } from '../../database/tenant-scope.ts'
import type { AlarmBook } from '../../nodes/alarms/raise-alarm.ts'
import { Problem } from '../../web/problem.ts'
import { keepEvidenceIn } from '../evidence.ts'
import type { ArrivalKeys } from './arrival-keys.ts'
import { openArrivalLog, type ArrivalLog } from './arrival-log.ts'
import type { ArrivingRow } from './arriving-row.ts'
import { readSource, sourceNodeId, type Source } from './source.ts'

export interface SealDeps {
  readonly database: Pick<FleetDatabase, 'transact' | 'pool' | 'seals'>
  readonly replica: Replica
  readonly fasten: Fasten
  /** The fleet's own key, kind 4. */
  readonly witness: NoteSigner
  readonly keys: ArrivalKeys
  readonly clock: Clock
  readonly book: Pick<AlarmBook, 'raise'>
}

/** Something of a source that could not become a row. */
export interface RefusedRow {
  /** Of spec/fleet.md#sources. */
  readonly code: string
  readonly message: string
  /** As it was sent. */
  readonly sent: Uint8Array
  /** The row's own tenant where it has one that is the source's. */
  readonly tenant?: string | null
  /** What is here instead. */
  readonly known?: Readonly<Record<string, unknown>>
}

export interface Arrivals {
  readonly source_id: string
  /** In the order in which they are to lie. Some thousand at most: all of them are one transaction. */
  readonly rows: readonly ArrivingRow[]
  /** What the mapping refused before: kept as evidence with the rest. */
  readonly refused?: readonly RefusedRow[]
  /** Becomes true with the rows, such as the cursor that is behind them. What it throws stores none of them. */
  readonly alongside?: (sql: PoolClient) => Promise<void>
}

/** What became of them, in the transaction that has ended. */
export interface SealedArrivals {
  readonly stored: number
  /** Rows that had come before. */
  readonly again: number
  /** Those of the mapping and those that were refused here. */
  readonly refused: readonly RefusedRow[]
}

/**
 * Seals rows that came from a source, in one transaction: each is placed in the log of its source, stream and tenant, linked, and covered by a checkpoint that this
 * fleet signs and cosigns; it names its origin. A row whose identity came before is not stored again. What cannot be taken is kept as evidence, and the rest
 * goes on. When this resolves, all of it is durable.
 *
 * Throws Problem 403 `SOURCE_CLOSED` for a source that was removed, 503 `SOURCE_PAUSED` for one that is paused, and the driver's errors; nothing is stored then.
 */
export async function sealArrivals(deps: SealDeps, arrivals: Arrivals): Promise<SealedArrivals> {
  const { source_id, rows, alongside } = arrivals
  return deps.database.transact(async (sql) => {
    await sql.query(limits)
    const source = await readSource(sql, source_id, { seals: deps.database.seals, isLocked: true })
    if (source === undefined) throw new Problem(403, 'SOURCE_CLOSED', 'this source was removed')
    // What comes again later is kept by whoever sends; what is refused for good, an exporter drops.
    if (source.isPaused) throw new Problem(503, 'SOURCE_PAUSED', 'this source is paused', { retryAfterS: 60 })
    const refused: RefusedRow[] = [...(arrivals.refused ?? [])]
    const { fresh, again } = await tellApart(sql, source, rows, refused)
    const { helds, stored } = await place(deps, sql, source, fresh, refused)
    await note(sql, source, stored, deps)
    const kept = await keepAll(sql, deps, source, [...refused, ...stored.flatMap(broken)])
    await sql.query(
      `UPDATE fleet_sources SET rows = rows + $2, rows_again = rows_again + $3, rows_refused = rows_refused + $4,
        rows_changed = rows_changed + $5, last_row_at = CASE WHEN $6 THEN $7 ELSE last_row_at END WHERE source_id = $1`,
      [
        source_id,
        stored.length,
        again,
        kept.refused,
        kept.changed,
        rows.length > 0,
        new Date(deps.clock.nowMicros() / 1000),
      ],
    )
    await alongside?.(sql)
    for (const held of helds) await held.finish()
    return { stored: stored.length, again, refused }
  })
}

/** So that nobody who stopped holds a source, or waits for one, longer than a request may take. */
const limits =
  "SET LOCAL lock_timeout = '15s'; SET LOCAL statement_timeout = '60s'; SET LOCAL idle_in_transaction_session_timeout = '60s'"

interface FreshRow {
  readonly row: ArrivingRow
  readonly tenant: string
  readonly identity: Buffer
  readonly content: Buffer
}

/** The rows that are new, of tenants that are the source's. The lock on the source makes looking first and storing later safe. */
async function tellApart(
  sql: PoolClient,
  source: Source,
  rows: readonly ArrivingRow[],
  refused: RefusedRow[],
): Promise<{ readonly fresh: readonly FreshRow[]; readonly again: number }> {
  const identities = rows.map(({ identity }) => digest16(identity))
  const known = new Map<string, Buffer>()
  if (rows.length > 0) {
    const found = await sql.query<{ identity: Buffer; content: Buffer }>({
      name: 'fleet_arrivals_known',
      text: 'SELECT identity, content FROM fleet_arrivals WHERE source_id = $1 AND identity = ANY ($2::bytea[])',
      values: [source.source_id, identities],
    })
    for (const { identity, content } of found.rows) known.set(identity.toString('latin1'), content)
  }
  const fresh: FreshRow[] = []
  let again = 0
  for (const [index, row] of rows.entries()) {
    const identity = identities[index] as Buffer
    const content = digest16(row.content ?? '')
    const tenant = source.stamp ?? row.tenant_id ?? noTenant
    if (!isWithin(source.tenants, tenant) || !isTenant(tenant)) {
      refused.push({
        code: 'WRONG_TENANT',
        message: `"${tenant.slice(0, 128)}" is no tenant of this source`,
        sent: row.sent,
      })
      continue
    }
    const key = identity.toString('latin1')
    const before = known.get(key)
    if (before === undefined) {
      known.set(key, content)
      fresh.push({ row, tenant, identity, content })
    } else if (before.equals(content)) again++
    else {
      refused.push({
        code: 'SOURCE_CHANGED',
        message: `the row "${row.identity.slice(0, 200)}" came before and was another then`,
        sent: row.sent,
        tenant,
        known: { identity: row.identity.slice(0, 500), content: before.toString('hex') },
      })
    }
  }
  return { fresh, again }
}

/** Told of a row whose own evidence did not hold. It is sealed all the same, and says so. */
const broken = ({ row: { origin, identity, sent }, tenant }: FreshRow): readonly RefusedRow[] =>
  origin.proof !== 'broken'
    ? []
    : [
        {
          code: 'PROOF_BROKEN',
          message: `the row "${identity.slice(0, 200)}" does not hash or link as it says`,
          sent,
          tenant,
          known: { log: origin.log ?? null, monotonic_seq: origin.monotonic_seq ?? null },
        },
      ]

/** Keeps each as evidence, as long as its source may have more kept today, and counts those that are new: refused, or of a past that was told otherwise. */
async function keepAll(
  sql: PoolClient,
  deps: SealDeps,
  source: Source,
  refused: readonly RefusedRow[],
): Promise<{ readonly refused: number; readonly changed: number }> {
  const counts = { refused: 0, changed: 0 }
  let isFull = false
  for (const each of refused) {
    const isOfPast = each.code === 'SOURCE_CHANGED' || each.code === 'PROOF_BROKEN'
    const outcome: 'kept' | 'again' | 'too much' = isFull
      ? 'too much'
      : await keepEvidenceIn(sql, deps, {
          source_id: source.source_id,
          log: logName({ ...placeOf(source), stream: 'audit' }),
          tenant: each.tenant ?? null,
          code: each.code,
          message: each.message.slice(0, 500),
          sent: each.sent.subarray(0, 65_536),
          known: each.known ?? {},
        })
    if (outcome !== 'again') counts[isOfPast ? 'changed' : 'refused']++
    isFull ||= outcome === 'too much'
  }
  return counts
}

async function place(
  deps: SealDeps,
  sql: PoolClient,
  source: Source,
  fresh: readonly FreshRow[],
  refused: RefusedRow[],
): Promise<{ readonly helds: readonly HeldReplica[]; readonly stored: readonly FreshRow[] }> {
  const arrived_at = formatMicros(deps.clock.nowMicros())
  const of = (each: FreshRow): string =>
    logName({ ...placeOf(source, each.tenant), stream: each.row.members.stream })
  const logs = [...new Set(fresh.map(of))].sort()
  const open = new Map<string, ArrivalLog>()
  const helds: HeldReplica[] = []
  // Only this transaction writes these logs: whoever would, waits for the source. The counter that all writers share is taken by `finish`, after every head.
  for (const log of logs) {
    const held = await deps.replica.hold(sql, log)
    helds.push(held)
    open.set(log, openArrivalLog(deps, held, source))
  }
  const stored: FreshRow[] = []
  for (const each of fresh) {
    const fault = open.get(of(each))?.add(rowOf(deps.keys, source, each, arrived_at))
    if (fault === undefined) stored.push(each)
    else refused.push({ code: fault.code, message: fault.message, sent: each.row.sent, tenant: each.tenant })
  }
  for (const log of open.values()) await log.sign()
  return { helds, stored }
}

/** All members of the row but its place, redacted unless it was before. */
function rowOf(keys: ArrivalKeys, source: Source, { row, tenant }: FreshRow, arrived_at: string): JsonObject {
  const { timestamp, caused_by, inbound_request_id, trace_id, span_id } = row
  const { source_id, service_id } = source
  const micros = parseTime(timestamp, 0) ?? 0
  const envelope = {
    canonical_form_id: '3',
    wire_version: '2',
    id: keys.rowId(source_id, row.identity, micros),
    // Given with the place.
    boot_id: '',
    boot_seq: 0,
    timestamp,
    service_id,
    source_node_id: sourceNodeId(source_id),
    ...(tenant === noTenant ? {} : { tenant_id: tenant }),
    request_id:
      row.request_id ??
      `orphan-${service_id.replaceAll(/[^A-Za-z0-9._]/g, '_').slice(0, 80)}-${ids.randomHex(6)}`,
    ...(inbound_request_id === undefined ? {} : { inbound_request_id }),
    ...(trace_id === undefined ? {} : { trace_id }),
    ...(span_id === undefined ? {} : { span_id }),
    ...(caused_by === undefined ? {} : { caused_by: keys.rowId(source_id, caused_by, micros) }),
  } as const
  const draft =
    row.isClean === true ? { ...row.members, ...envelope } : clean({ ...row.members, ...envelope })
  const origin = { arrived_at, kind: source.kind, source: source_id, ...row.origin }
  return { ...draft, origin: given(origin) } as JsonObject
}

const redactor = createRedactor()
const ids = createSystemIds()

function clean(draft: UncleanAudit | UncleanSys | UncleanApi): Readonly<Record<string, unknown>> {
  if (draft.stream === 'audit') return given(redactor.audit(draft))
  return given(draft.stream === 'sys' ? redactor.sys(draft) : redactor.api(draft))
}

const given = (members: object): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))

async function note(
  sql: PoolClient,
  { source_id }: Source,
  stored: readonly FreshRow[],
  { clock }: Pick<SealDeps, 'clock'>,
): Promise<void> {
  if (stored.length === 0) return
  await sql.query({
    name: 'fleet_arrivals_note',
    text: `INSERT INTO fleet_arrivals (source_id, identity, content, arrived_on)
      SELECT $1, identity, content, $4 FROM unnest($2::bytea[], $3::bytea[]) AS a (identity, content)`,
    values: [
      source_id,
      stored.map(({ identity }) => identity),
      stored.map(({ content }) => content),
      formatMicros(clock.nowMicros()).slice(0, 10),
    ],
  })
}

const placeOf = ({ source_id, service_id }: Source, tenant: string = noTenant) => ({
  ...(tenant === noTenant ? {} : { tenant_id: tenant }),
  service_id,
  source_node_id: sourceNodeId(source_id),
})

const isTenant = (text: string): boolean => /^[^\p{Cc}]{1,128}$/u.test(text)

const digest16 = (text: string): Buffer => createHash('sha256').update(text).digest().subarray(0, 16)
