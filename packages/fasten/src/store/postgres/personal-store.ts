// SPDX-License-Identifier: Apache-2.0
import { logName, parseLogName } from '../../core/log-name.ts'
import { erasedRow, erasureFacts, type ErasedValue } from '../privacy/erasure-facts.ts'
import type { KeyStore, Tombstone } from '../privacy/key-store.ts'
import type { EraseDeed, ErasedLog, PersonalRow, PersonalStore } from '../privacy/personal-store.ts'
import { personalRowsIn } from '../privacy/waiting-person.ts'
import type { PostgresDeed } from './append.ts'
import type { UseSql } from './key-store.ts'
import { allHolds } from './retention-tables.ts'
import { scrubTables } from './scrub.ts'
import type { Sql } from './sql.ts'
import type { PostgresWriter } from './writer.ts'

export interface PostgresPersonalOptions {
  /** The row table of audit, whose rows alone have personal members. */
  readonly table: string
  readonly keys: KeyStore
  readonly writer: PostgresWriter
  readonly outside: UseSql
}

/** `PersonalStore` over a Postgres schema. */
export function createPostgresPersonalStore({
  table,
  keys,
  writer,
  outside,
}: PostgresPersonalOptions): PersonalStore {
  const under = (keyIds: readonly string[]): Promise<ByLog> =>
    writer.perform(({ sql, prefix }) => valuesUnder(sql, prefix, table, keyIds))

  return {
    keys,
    plan: async (keyIds) => told(await under(keyIds)),
    async erase(tombstone, deed) {
      // Their heads are locked first, in everybody's order: placing a hold locks them as well. When another log joined in
      // between, nothing was done, and it is locked with the others.
      for (;;) {
        const logs = [...(await under(tombstone.key_ids)).keys()].map(baseOf)
        const erased = await writer.perform((inner) => eraseIn(inner, table, tombstone, deed, logs), { logs })
        if (erased !== null) return erased
      }
    },
    positions: (keyIds) =>
      writer.perform(async ({ sql, prefix }) => {
        const rows = await sql.run(
          `SELECT DISTINCT position FROM ${prefix}fasten_disclosures WHERE key_id = ANY($1) ORDER BY position`,
          [keyIds],
        )
        return rows.map(({ position }) => Number(position))
      }),
    tell: async (base, own) => {
      await writer.perform(({ appendOwn }) => appendOwn(base, own), { logs: [base] })
    },
    scrub: () => outside(scrubTables),
    erased: () => writer.perform(({ sql, prefix }) => tombstonesIn(sql, prefix)),
  }
}

type Found = ErasedValue & PersonalRow & { readonly position: string; readonly pointer: string }
type ByLog = ReadonlyMap<string, readonly Found[]>

const facts = ['code', 'actor', 'on_behalf_of', 'target', 'request_id', 'tenant_id', 'timestamp'] as const

async function valuesUnder(
  sql: Sql,
  prefix: string,
  table: string,
  keyIds: readonly string[],
): Promise<ByLog> {
  const rows = await sql.run(
    `SELECT d.position, d.pointer, d.key_id, r.monotonic_seq, l.log, ${facts.map((name) => `r.${name}`).join(', ')}
    FROM ${prefix}fasten_disclosures d JOIN ${prefix}"${table}" r ON r.position = d.position
    JOIN ${prefix}fasten_logs l ON l.log_id = r.log_id
    WHERE d.key_id = ANY($1) AND d.box IS NOT NULL ORDER BY d.position, d.pointer`,
    [keyIds],
  )
  const found = rows.map(
    (row) =>
      ({
        ...Object.fromEntries(facts.map((name) => [name, row[name] ?? null])),
        log: String(row['log']),
        position: String(row['position']),
        pointer: String(row['pointer']),
        key_id: String(row['key_id']),
        monotonic_seq: Number(row['monotonic_seq']),
      }) as Found,
  )
  return Map.groupBy(found, ({ log }) => log)
}

async function eraseIn(
  { sql, prefix, appendOwn }: PostgresDeed,
  table: string,
  { key_ids, subjects, basis, erased_at }: Tombstone,
  { actor, waiting = nothing, onRow }: EraseDeed = {},
  locked: readonly string[],
): Promise<readonly ErasedLog[] | null> {
  const subject = subjects[0] ?? ''
  // Whoever is storing values ends first, and whoever wants to waits, and then finds the keys buried (disclosures.ts).
  await sql.run(`LOCK TABLE ${prefix}fasten_disclosures IN SHARE ROW EXCLUSIVE MODE`)
  const byLog = await valuesUnder(sql, prefix, table, key_ids)
  if ([...byLog.keys()].some((log) => !locked.includes(baseOf(log)))) return null
  if (onRow !== undefined) {
    const holds = await allHolds({ sql, prefix, tables: new Map() })
    const frames = await framesNaming(sql, prefix, subjects)
    for (const row of [...byLog.values(), waiting(), personalRowsIn(frames, subjects)].flat())
      onRow(row, holds)
  }
  await sql.run(
    `INSERT INTO ${prefix}fasten_erased_keys SELECT id, $2, $3, $4 FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING`,
    [key_ids, subject, basis, erased_at],
  )
  await sql.run(
    `UPDATE ${prefix}fasten_disclosures SET box = NULL, lookup = NULL WHERE key_id = ANY($1) AND box IS NOT NULL`,
    [key_ids],
  )
  for (const [log, values] of byLog)
    for (const detail of erasureFacts(log, { subject, basis, erased_at }, values))
      await appendOwn(baseOf(log), erasedRow(subject, detail, actor))
  return told(byLog)
}

/** What waits in the outbox and may be about these subjects. */
async function framesNaming(
  sql: Sql,
  prefix: string,
  subjects: readonly string[],
): Promise<readonly Uint8Array[]> {
  const rows = await sql.run(
    `SELECT frame FROM ${prefix}fasten_outbox
    WHERE EXISTS (SELECT FROM unnest($1::text[]) AS name WHERE position(convert_to(name, 'UTF8') IN frame) > 0)`,
    [subjects],
  )
  return rows.map(({ frame }) => frame as unknown as Uint8Array)
}

const nothing = (): readonly PersonalRow[] => []

function told(byLog: ByLog): readonly ErasedLog[] {
  return [...byLog]
    .map(([log, values]) => ({
      log,
      rows: new Set(values.map(({ monotonic_seq }) => monotonic_seq)).size,
      values: values.length,
    }))
    .sort((one, other) => (one.log < other.log ? -1 : 1))
}

async function tombstonesIn(sql: Sql, prefix: string): Promise<readonly Tombstone[]> {
  const rows = await sql.run(
    `SELECT subject, basis, erased_at, array_agg(key_id ORDER BY key_id) AS ids FROM ${prefix}fasten_erased_keys
    GROUP BY subject, basis, erased_at ORDER BY erased_at, subject`,
  )
  return rows.map(({ subject, basis, erased_at, ids }) => ({
    tenant: '',
    subjects: [String(subject)],
    key_ids: (ids as unknown as readonly unknown[]).map(String),
    basis: String(basis),
    erased_at: String(erased_at),
  }))
}

function baseOf(log: string): string {
  const parts = parseLogName(log)
  return parts === undefined ? log : logName({ ...parts, generation: 1 })
}
