// SPDX-License-Identifier: Apache-2.0
import type { OwnRow } from '../own-rows.ts'
import type { AppendedRow, SpooledDraft } from '../ports.ts'
import { erasedRow, erasureFacts, type ErasedValue } from '../privacy/erasure-facts.ts'
import type { RefusedKey } from '../privacy/key-store.ts'
import { decodeSealed, type SealedMember } from '../privacy/sealed.ts'
import type { Sql } from './sql.ts'

export interface Disclosing {
  /** Logs with the rows that account for values under keys that may not be kept. */
  readonly ownRows: readonly (readonly [log: string, own: OwnRow])[]
  /** Inserts the values beside the rows of this batch that are new; `positionOf` answers undefined for one that was there already. */
  insert(positionOf: (id: string) => number | undefined): Promise<void>
}

/**
 * What of a batch's personal values is stored and what is not, judged in the transaction that stores the rows. The same as on SQLite
 * (sqlite/disclosures.ts), in two statements.
 */
export async function disclosingOf(
  sql: Sql,
  prefix: string,
  drafts: readonly SpooledDraft[],
  appended: readonly AppendedRow[],
  refused: readonly RefusedKey[],
): Promise<Disclosing> {
  const values: { readonly row: AppendedRow; readonly member: SealedMember }[] = []
  for (const [index, { sealed }] of drafts.entries()) {
    const row = appended[index]
    if (sealed === undefined || row === undefined) continue
    for (const member of decodeSealed(sealed)?.values ?? []) values.push({ row, member })
  }
  if (values.length === 0) return { ownRows: [], insert: async () => {} }
  const graves = new Map(refused.map((key) => [key.id, key]))
  const ids = [...new Set(values.map(({ member }) => member.key))]
  // An erasure waits for us now, or we waited for it and see what it buried. After the heads and before the counter, as it does.
  await sql.run(`LOCK TABLE ${prefix}fasten_disclosures IN ROW EXCLUSIVE MODE`)
  for (const grave of await sql.run(`SELECT * FROM ${prefix}fasten_erased_keys WHERE key_id = ANY($1)`, [
    ids,
  ])) {
    const id = String(grave['key_id'])
    graves.set(id, {
      id,
      subject: String(grave['subject']),
      basis: String(grave['basis']),
      erased_at: String(grave['erased_at']),
    })
  }
  for (const { id, subject, basis, erased_at } of refused)
    await sql.run(`INSERT INTO ${prefix}fasten_erased_keys VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`, [
      id,
      subject,
      basis,
      erased_at,
    ])
  const late = Map.groupBy(
    values.filter(({ member }) => graves.has(member.key)),
    ({ row, member }) => `${row.log} ${graves.get(member.key)?.subject ?? ''}`,
  )
  return {
    ownRows: [...late.values()].flatMap((group) => {
      const [first] = group
      const grave = first && graves.get(first.member.key)
      if (first === undefined || grave === undefined) return []
      const erased = group.map(({ row, member }): ErasedValue => ({
        monotonic_seq: row.monotonic_seq,
        key_id: member.key,
      }))
      return erasureFacts(first.row.log, grave, erased).map(
        (facts) => [first.row.log, erasedRow(grave.subject, facts)] as const,
      )
    }),
    async insert(positionOf) {
      const fresh = values.flatMap(({ row, member }) => {
        const position = positionOf(row.id)
        return position === undefined ? [] : [{ position, member, isErased: graves.has(member.key) }]
      })
      if (fresh.length === 0) return
      await sql.run(
        `INSERT INTO ${prefix}fasten_disclosures (position, pointer, key_id, lookup, box)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bytea[])`,
        [
          fresh.map(({ position }) => position),
          fresh.map(({ member }) => member.pointer),
          fresh.map(({ member }) => member.key),
          fresh.map(({ member, isErased }) => (isErased ? null : (member.lookup ?? null))),
          fresh.map(({ member, isErased }) => (isErased ? null : Buffer.from(member.box, 'base64'))),
        ],
        'fasten_disclose',
      )
    },
  }
}
