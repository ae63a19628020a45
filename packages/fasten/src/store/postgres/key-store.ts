// SPDX-License-Identifier: Apache-2.0
import { systemCode } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import type { KeyStore, RefusedKey, Tombstone } from '../privacy/key-store.ts'
import type { WrappedKey } from '../privacy/sealed.ts'
import type { Sql, SqlRecord } from './sql.ts'

/** Runs work on a connection; `prefix` is the quoted schema with its dot. */
export type UseSql = <T>(work: (sql: Sql, prefix: string) => Promise<T>) => Promise<T>

export interface PostgresKeyStoreOptions {
  /** One transaction, committed when it resolves. */
  readonly change: UseSql
  /** Any connection that reads. */
  readonly read: UseSql
  /** A connection outside of any transaction, for VACUUM. */
  readonly outside: UseSql
}

/**
 * Wrapped keys in tables of their own (`fasten_data_keys`, `fasten_destroyed_keys`, `fasten_erased_subjects`, `fasten_tombstones`), to which
 * readers have no rights and which a dump leaves out with `--exclude-table`. Destroying a key writes the table anew, so that no
 * file of it holds the old bytes; the server's write-ahead log holds them until it is recycled, and its archive for as long as that is kept.
 */
export function createPostgresKeyStore({ change, read, outside }: PostgresKeyStoreOptions): KeyStore {
  return {
    put: (keys) =>
      keys.length === 0 ? Promise.resolve([]) : change((sql, prefix) => put(sql, prefix, keys)),
    get: (ids) => readKeys(read, 'id', ids),
    ofSubjects: (subjects) => readKeys(read, 'subject', subjects),
    all: () =>
      read(async (sql, prefix) =>
        (await sql.run(`SELECT * FROM ${prefix}fasten_data_keys ORDER BY id`)).map(keyOf),
      ),
    async destroy(tombstone) {
      const ids = await change((sql, prefix) => destroy(sql, prefix, tombstone))
      await rewrite(outside)
      return ids
    },
    keks: () =>
      read(async (sql, prefix) =>
        (await sql.run(`SELECT DISTINCT kek FROM ${prefix}fasten_data_keys ORDER BY kek`)).map(({ kek }) =>
          String(kek),
        ),
      ),
    wrappedByOthers: (kek, afterId, keysMax) =>
      read(async (sql, prefix) =>
        (
          await sql.run(
            `SELECT * FROM ${prefix}fasten_data_keys WHERE id > $1 AND kek <> $2 ORDER BY id LIMIT $3`,
            [afterId, kek, keysMax],
          )
        ).map(keyOf),
      ),
    tombstones: () =>
      read(async (sql, prefix) => {
        const rows = await sql.run(`SELECT text FROM ${prefix}fasten_tombstones ORDER BY number`)
        return rows.map(({ text }) => readJson(String(text)) as Tombstone)
      }),
    async replace(keys) {
      await change(async (sql, prefix) => {
        for (const { id, subject, kek, wrapped } of keys)
          await sql.run(
            `UPDATE ${prefix}fasten_data_keys SET subject = $2, kek = $3, wrapped = $4 WHERE id = $1`,
            [id, subject, kek, wrapped],
          )
      })
      await rewrite(outside)
    },
    close: async () => {},
  }
}

const rewrite = (outside: UseSql): Promise<unknown> =>
  outside((sql, prefix) => sql.run(`VACUUM FULL ${prefix}fasten_data_keys`))

async function put(sql: Sql, prefix: string, keys: readonly WrappedKey[]): Promise<readonly RefusedKey[]> {
  const one = new Map(keys.map((key) => [key.id, key]))
  const ids = [...one.keys()]
  const known = await sql.run(`SELECT id FROM ${prefix}fasten_data_keys WHERE id = ANY($1)`, [ids])
  for (const { id } of known) one.delete(String(id))
  if (one.size === 0) return []
  // No erasure is half-way between the look at the graves and the insert.
  await sql.run(`LOCK TABLE ${prefix}fasten_data_keys IN ROW EXCLUSIVE MODE`)
  const fresh = [...one.values()]
  const graves = await sql.run(
    `SELECT k.id, coalesce(d.subject, s.subject) AS subject, coalesce(d.basis, s.basis) AS basis,
      coalesce(d.erased_at, s.erased_at) AS erased_at
    FROM unnest($1::text[], $2::text[], $3::text[]) AS k (id, subject, made_at)
    LEFT JOIN ${prefix}fasten_destroyed_keys d ON d.id = k.id
    LEFT JOIN ${prefix}fasten_erased_subjects s ON s.subject = k.subject AND s.erased_at >= k.made_at
    WHERE d.id IS NOT NULL OR s.subject IS NOT NULL`,
    [fresh.map(({ id }) => id), fresh.map(({ subject }) => subject), fresh.map(({ made_at }) => made_at)],
  )
  const refused = graves.map((grave): RefusedKey => ({
    id: String(grave['id']),
    subject: String(grave['subject']),
    basis: String(grave['basis']),
    erased_at: String(grave['erased_at']),
  }))
  for (const { id, subject, basis, erased_at } of refused) {
    one.delete(id)
    await sql.run(
      `INSERT INTO ${prefix}fasten_destroyed_keys VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [id, subject, basis, erased_at],
    )
  }
  for (const { id, tenant, subject, kek, made_at, wrapped } of one.values())
    await sql.run(
      `INSERT INTO ${prefix}fasten_data_keys VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [id, tenant, subject, kek, made_at, wrapped],
    )
  return refused
}

async function destroy(sql: Sql, prefix: string, tombstone: Tombstone): Promise<readonly string[]> {
  const { subjects, key_ids, basis, erased_at } = tombstone
  // Who puts a key has it there before, or finds the subject buried.
  await sql.run(`LOCK TABLE ${prefix}fasten_data_keys IN SHARE ROW EXCLUSIVE MODE`)
  await sql.run(`DELETE FROM ${prefix}fasten_data_keys WHERE id = ANY($1)`, [key_ids])
  await sql.run(
    `INSERT INTO ${prefix}fasten_destroyed_keys SELECT id, $2, $3, $4 FROM unnest($1::text[]) AS id ON CONFLICT DO NOTHING`,
    [key_ids, subjects[0] ?? '', basis, erased_at],
  )
  await sql.run(
    `INSERT INTO ${prefix}fasten_erased_subjects AS s SELECT subject, $2, $3 FROM unnest($1::text[]) AS subject
    ON CONFLICT (subject) DO UPDATE SET basis = excluded.basis, erased_at = excluded.erased_at
    WHERE excluded.erased_at > s.erased_at`,
    [subjects, basis, erased_at],
  )
  await sql.run(
    `INSERT INTO ${prefix}fasten_tombstones (number, text)
    SELECT coalesce(max(number), 0) + 1, $1 FROM ${prefix}fasten_tombstones
    WHERE NOT EXISTS (SELECT FROM ${prefix}fasten_tombstones WHERE text = $1)
    HAVING NOT EXISTS (SELECT FROM ${prefix}fasten_tombstones WHERE text = $1)`,
    [JSON.stringify(tombstone)],
  )
  const others = await sql.run(
    `SELECT id FROM ${prefix}fasten_data_keys WHERE subject = ANY($1) AND made_at <= $2 ORDER BY id`,
    [subjects, erased_at],
  )
  return others.map(({ id }) => String(id))
}

async function readKeys(
  read: UseSql,
  column: 'id' | 'subject',
  values: readonly string[],
): Promise<readonly WrappedKey[]> {
  if (values.length === 0) return []
  return read(async (sql, prefix) =>
    (
      await sql.run(`SELECT * FROM ${prefix}fasten_data_keys WHERE ${column} = ANY($1) ORDER BY id`, [
        [...new Set(values)],
      ])
    ).map(keyOf),
  )
}

/** True of an error that says that this role has no rights to the keys, or that they are not there in this layout. */
export const isWithoutKeys = (error: unknown): boolean =>
  ['42501', '42P01'].includes(systemCode(error) ?? '') ||
  (error instanceof Error && error.cause !== undefined && isWithoutKeys(error.cause))

function keyOf(record: SqlRecord): WrappedKey {
  const text = (name: keyof WrappedKey): string => String(record[name])
  return {
    id: text('id'),
    tenant: text('tenant'),
    subject: text('subject'),
    kek: text('kek'),
    made_at: text('made_at'),
    wrapped: text('wrapped'),
  }
}
