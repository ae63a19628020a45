// SPDX-License-Identifier: Apache-2.0
import { bootOfOpenNumber, fillNumber } from '../../core/open-number.ts'
import type { OutboxPlace, OutboxRow, SpooledDraft } from '../ports.ts'
import type { Sql } from './sql.ts'

/** Where applications insert, and what they say to prove that it is this store. */
export async function outboxPlace(sql: Sql, prefix: string): Promise<OutboxPlace> {
  const [row] = await sql.run(`SELECT value FROM ${prefix}fasten_meta WHERE key = 'store_id'`)
  const store_id = row?.['value']
  return { store_id: typeof store_id === 'string' ? store_id : '', table: `${prefix}fasten_outbox` }
}

export async function outboxRows(sql: Sql, prefix: string, rowsMax: number): Promise<readonly OutboxRow[]> {
  const rows = await sql.run(
    `SELECT key, frame FROM ${prefix}fasten_outbox ORDER BY key LIMIT $1`,
    [rowsMax],
    'fasten_outbox',
  )
  return rows.map(({ key, frame }) => ({ key: String(key), frame: frame as Buffer }))
}

/**
 * Takes rows out, in the transaction that moves them. False when one of them is not there any more: somebody else has moved it. Waits
 * for whoever is moving one now; they are locked in the order of their keys, so that nobody waits in a circle.
 */
export async function takeFromOutbox(sql: Sql, prefix: string, keys: readonly string[]): Promise<boolean> {
  const taken = await sql.change(
    `DELETE FROM ${prefix}fasten_outbox WHERE key IN (
      SELECT key FROM ${prefix}fasten_outbox WHERE key = ANY ($1::text[]) ORDER BY key FOR UPDATE)`,
    [keys],
    'fasten_take',
  )
  return taken === keys.length
}

/**
 * The drafts, each with the next number of its process where it was open. The numbers are taken for this transaction: what is rolled
 * back gives them back. One that names no process stays as it is, and is refused as no draft.
 */
export async function numberDrafts(
  sql: Sql,
  prefix: string,
  drafts: readonly SpooledDraft[],
): Promise<readonly SpooledDraft[]> {
  const boots = drafts.map(({ text, isUnnumbered }) => (isUnnumbered ? bootOfOpenNumber(text) : undefined))
  const wanted = new Map<string, number>()
  for (const boot of boots) if (boot !== undefined) wanted.set(boot, (wanted.get(boot) ?? 0) + 1)
  if (wanted.size === 0) return drafts
  const ids = [...wanted.keys()].sort()
  const rows = await sql.run(
    `INSERT INTO ${prefix}fasten_outbox_boots AS b (boot_id, next_seq)
    SELECT * FROM unnest($1::text[], $2::bigint[]) ON CONFLICT (boot_id) DO UPDATE SET next_seq = b.next_seq + excluded.next_seq
    RETURNING boot_id, next_seq`,
    [ids, ids.map((id) => wanted.get(id))],
    'fasten_number',
  )
  const next = new Map(
    rows.map(({ boot_id, next_seq }) => [
      String(boot_id),
      Number(next_seq) - (wanted.get(String(boot_id)) ?? 0),
    ]),
  )
  return drafts.map((draft, index) => {
    const boot = boots[index]
    if (boot === undefined) return draft
    const seq = next.get(boot) ?? 0
    next.set(boot, seq + 1)
    return { ...draft, text: fillNumber(draft.text, seq) }
  })
}
