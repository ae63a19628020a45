// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import type { Fasten } from 'fasten'
import { canonicalize } from 'fasten/core'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../database/fleet-database.ts'
import type { AlarmBook } from '../nodes/alarms/raise-alarm.ts'

/** What was refused, and what the fleet knows instead. */
export interface Refusal {
  /** Whose it is: a node, or a source. */
  readonly node_id?: string | undefined
  readonly source_id?: string | undefined
  readonly log: string
  /** Null where the log is not one of the sender's. */
  readonly tenant: string | null
  /** Of spec/fleet.md. */
  readonly code: string
  readonly at_seq?: number | undefined
  readonly message: string
  /** The row at fault as it was sent. */
  readonly sent?: Uint8Array | undefined
  /** The signed note as it was sent. */
  readonly checkpoint?: string | undefined
  readonly known: Readonly<Record<string, unknown>>
}

export interface EvidenceDeps {
  readonly database: Pick<FleetDatabase, 'transact'>
  readonly fasten: Fasten
  readonly book: Pick<AlarmBook, 'raise'>
}

/** What one node, or one source, can have kept within a day. Behind that it is only logged, so that nobody fills the database with refusals. */
const keptADay = 500

/**
 * Keeps a refusal and tells of it in the fleet's own log, in one transaction. The same once more is counted and not told again.
 */
export async function keepEvidence(deps: EvidenceDeps, refusal: Refusal): Promise<void> {
  await deps.database.transact((sql) => keepEvidenceIn(sql, deps, refusal))
}

/** The same in the caller's transaction, where a source's rows and its cursor become true with it. `too much` is only logged. */
export async function keepEvidenceIn(
  sql: PoolClient,
  { fasten, book }: Pick<EvidenceDeps, 'fasten' | 'book'>,
  refusal: Refusal,
): Promise<'kept' | 'again' | 'too much'> {
  const { node_id, source_id, log, tenant, code, at_seq, message, sent, checkpoint, known } = refusal
  const sender = node_id ?? `source:${source_id ?? ''}`
  const by = node_id === undefined ? { source_id: source_id ?? '' } : { node_id }
  const digest = createHash('sha256')
    .update(canonicalize([sender, log, code, at_seq ?? null, checkpoint ?? null]))
    .update(sent ?? '')
    .digest('hex')
  const keep = async (): Promise<'kept' | 'again' | 'too much'> => {
    const again = await sql.query(
      'UPDATE fleet_evidence SET times = times + 1, last_at = clock_timestamp() WHERE digest = $1',
      [digest],
    )
    if (again.rowCount !== 0) return 'again'
    const { rowCount } = await sql.query(
      `INSERT INTO fleet_evidence (digest, node_id, log, tenant, code, at_seq, message, sent, checkpoint, known, source_id)
      SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11
      WHERE (SELECT count(*) FROM fleet_evidence e
        WHERE (e.node_id = $2 OR $2 IS NULL) AND (e.source_id = $11 OR $11 IS NULL) AND e.found_at > clock_timestamp() - interval '1 day') < ${keptADay}
      ON CONFLICT (digest) DO NOTHING`,
      [
        digest,
        node_id ?? null,
        log,
        tenant,
        code,
        at_seq ?? null,
        message,
        sent === undefined ? null : Buffer.from(sent),
        checkpoint ?? null,
        known,
        source_id ?? null,
      ],
    )
    if (rowCount === 0) return 'too much'
    await fasten.emit(sql, {
      code: code === 'FORK_DETECTED' ? 'FORK_DETECTED' : 'INGEST_REFUSED',
      target: log,
      outcome: 'denied',
      reason: message,
      detail: { refused: code, ...by, evidence: digest, ...(at_seq === undefined ? {} : { at_seq }) },
    })
    await book.raise(sql, {
      kind: alarmOf[code] ?? (node_id === undefined ? 'source_refusal' : 'refusal'),
      // The name of a log that is not the sender's is whatever the sender likes: all of those are one alarm.
      subject: node_id === undefined ? sender : tenant === null ? `node:${node_id}` : log,
      node_id,
      tenants: tenant === null ? 'all' : [tenant],
      message: `${tenant === null ? subjectOf(refusal) : log}: ${code}: ${message}`,
      detail: {
        refused: code,
        evidence: digest,
        signed_size: await signedSizeOf(sql, log),
        ...(at_seq === undefined ? {} : { at_seq }),
      },
    })
    return 'kept'
  }
  const outcome = await keep()
  if (outcome === 'too much')
    fasten.log.warn('evidence_not_kept', { ...by, log, code, at_seq: at_seq ?? null, reason: message })
  return outcome
}

const subjectOf = ({ node_id, source_id }: Refusal): string =>
  node_id === undefined ? `source ${source_id ?? ''}` : `node ${node_id}`

const alarmOf: Readonly<Record<string, 'fork' | 'rollback' | 'source_changed'>> = {
  SOURCE_CHANGED: 'source_changed',
  PROOF_BROKEN: 'source_changed',
  FORK_DETECTED: 'fork',
  ROLLED_BACK: 'rollback',
}

/** Beyond which the log goes on when a checkpoint that was refused is made good. */
async function signedSizeOf(sql: PoolClient, log: string): Promise<number> {
  const { rows } = await sql.query<{ size: string | null }>(
    'SELECT max(size) AS size FROM fasten_checkpoints WHERE log = $1',
    [log],
  )
  return Number(rows[0]?.size ?? 0)
}
