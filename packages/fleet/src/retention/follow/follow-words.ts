// SPDX-License-Identifier: Apache-2.0
import { ownBootPrefix, readJson, replicaSweptBy, sweptBy, type Swept } from 'fasten/core'
import type { PoolClient } from 'pg'
import type { FleetDatabase } from '../../database/fleet-database.ts'

/**
 * Reads what rows that came since the last time say of sweeps and holds, at most `positionsMax` positions of them, and notes it in the transaction
 * that moves the cursor. Answers whether there is more. Does nothing while another server is at it.
 *
 * Of a node: rows that its store let go (RETENTION_SWEPT), and holds in its logs. Of this fleet: that its own order (REPLICA_SWEPT) is stored; what goes is what
 * that row names.
 */
export async function followWords(
  database: Pick<FleetDatabase, 'transact'>,
  { positionsMax = 20_000 } = {},
): Promise<boolean> {
  return database.transact(async (sql) => {
    const { rows: places } = await sql.query<{ position: string; newest: string }>(
      `SELECT f.position, (SELECT value FROM fasten_counters WHERE name = 'position') AS newest
      FROM fleet_sweep_cursor f FOR UPDATE OF f SKIP LOCKED`,
    )
    const [place] = places
    if (place === undefined) return false
    const [from, newest] = [Number(place.position), Number(place.newest)]
    const to = Math.min(newest, from + positionsMax)
    if (to <= from) return false
    for (const word of await wordsIn(sql, from, to)) await note(sql, word)
    await sql.query('UPDATE fleet_sweep_cursor SET position = $1', [to])
    return to < newest
  })
}

interface Word {
  readonly code: string
  readonly log_id: string
  readonly log: string
  readonly base: string
  readonly table_name: string
  readonly is_replica: boolean
  readonly monotonic_seq: string
  readonly leaf: string | null
}

/** Positions are given out under a lock that is held until commit, so nothing below one that is seen can still appear. */
async function wordsIn(sql: PoolClient, from: number, to: number): Promise<readonly Word[]> {
  const words: Word[] = []
  for (const [table, code] of [
    ['audit_log', 'code'],
    ['sys_log', 'event'],
    ['api_log', "ltrim(path, '/')"],
  ])
    words.push(
      ...(
        await sql.query<Word>(
          `SELECT ${code} AS code, r.log_id, l.log, l.base, l.table_name, l.replica_frontier IS NOT NULL AS is_replica,
            r.monotonic_seq, r.leaf
          FROM ${table} r JOIN fasten_logs l ON l.log_id = r.log_id
          WHERE r.position > $1 AND r.position <= $2 AND ${code} = ANY ($3) ORDER BY r.position`,
          [from, to, ['RETENTION_SWEPT', 'REPLICA_SWEPT', 'HOLD_PLACED', 'HOLD_RELEASED']],
        )
      ).rows,
    )
  return words
}

async function note(sql: PoolClient, word: Word): Promise<void> {
  const row = parsed(word.leaf)
  if (row === undefined) return
  if (word.is_replica) {
    const swept = word.code === 'RETENTION_SWEPT' ? sweptBy(row) : undefined
    if (swept !== undefined) await noteSweep(sql, word, swept)
    else if (word.code.startsWith('HOLD_')) await noteHold(sql, word, row)
  } else if (word.code === 'REPLICA_SWEPT') await noteOrder(sql, word, row)
}

async function noteSweep(sql: PoolClient, { log_id, log, monotonic_seq }: Word, swept: Swept): Promise<void> {
  await sql.query(
    `INSERT INTO fleet_sweeps (log_id, tenant, told_by, told_log_id, told_seq, class, policy_hash, runs, rows)
    VALUES ($1, fleet_tenant_of($2), 'node', $1, $3, $4, $5, $6, $7) ON CONFLICT (told_log_id, told_seq) DO NOTHING`,
    [log_id, log, monotonic_seq, swept.class, swept.policy_hash, JSON.stringify(swept.runs), swept.count],
  )
}

/** The order that the row tells of, and no other: the row is what a verifier will go by. */
async function noteOrder(
  sql: PoolClient,
  { log_id, monotonic_seq }: Word,
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  const swept = replicaSweptBy(row)
  const order = isRecord(row['detail']) ? row['detail']['order'] : undefined
  if (swept === undefined || !Number.isSafeInteger(order)) return
  await sql.query(
    `UPDATE fleet_sweeps s SET told_log_id = $2, told_seq = $3, runs = $4, rows = $5 FROM fasten_logs l
    WHERE s.sweep_id = $1 AND s.told_by = 'fleet' AND s.told_seq IS NULL AND l.log_id = s.log_id AND l.log = $6`,
    [order, log_id, monotonic_seq, JSON.stringify(swept.runs), swept.count, swept.log],
  )
}

/** Rows of the store itself bear a `boot_id` that no application can choose (spec/row.md#rows-of-the-store). */
async function noteHold(
  sql: PoolClient,
  { base, table_name, code }: Word,
  row: Readonly<Record<string, unknown>>,
): Promise<void> {
  const { boot_id, stream } = row
  const facts = stream === 'sys' ? row['fields'] : row['detail']
  if (typeof boot_id !== 'string' || !boot_id.startsWith(ownBootPrefix) || !isRecord(facts)) return
  const { hold_id } = facts
  if (typeof hold_id !== 'string') return
  await sql.query(
    `INSERT INTO fleet_node_holds (base, table_name, hold_id, released) VALUES ($1, $2, $3, $4)
    ON CONFLICT (base, table_name, hold_id) DO UPDATE SET released = fleet_node_holds.released OR excluded.released`,
    [base, table_name, hold_id, code === 'HOLD_RELEASED'],
  )
}

function parsed(leaf: string | null): Readonly<Record<string, unknown>> | undefined {
  try {
    const row: unknown = readJson(leaf ?? 'null')
    return isRecord(row) ? row : undefined
  } catch (error) {
    // Changed in the database: it says nothing here, and verification tells of it.
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
