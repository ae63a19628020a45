// SPDX-License-Identifier: Apache-2.0
import { newestGenerations } from '../newest-generations.ts'
import type { CheckpointQuery, CheckpointStore, LogHead, StoredCheckpoint } from '../ports.ts'
import { checkpointColumns, checkpointFrom } from '../seal/stored-checkpoint.ts'
import { logNamed, logsOf } from './evidence.ts'
import type { Found } from './reader.ts'
import { isKept } from './retention-tables.ts'
import type { Sql } from './sql.ts'
import type { PostgresWriter } from './writer.ts'

/** Checkpoints of the logs in the tables that are read, by name and then the largest first. */
export async function readCheckpoints(
  sql: Sql,
  { prefix, tables }: Found,
  { log, size, sizeMax, limit }: CheckpointQuery,
): Promise<readonly StoredCheckpoint[]> {
  const names = [...tables.values()]
  if (log === undefined) {
    const newest = await sql.run(
      `SELECT DISTINCT ON (table_name, log) ${checkpointColumns} FROM ${prefix}fasten_checkpoints
      WHERE table_name = ANY($1) ORDER BY table_name, log, size DESC`,
      [names],
    )
    return newest.map(checkpointFrom)
  }
  if (log.includes('\0')) return []
  const found = await sql.run(
    `SELECT ${checkpointColumns} FROM ${prefix}fasten_checkpoints
    WHERE table_name = ANY($1) AND log = $2 AND ($3::bigint IS NULL OR size = $3)
      AND ($4::bigint IS NULL OR size <= $4) ORDER BY size DESC LIMIT $5`,
    [names, log, size ?? null, sizeMax ?? null, limit ?? null],
  )
  return found.map(checkpointFrom)
}

/** The `hash` columns from `from` on, ending at the first that is missing. */
export async function readLeafHashes(
  sql: Sql,
  { prefix, tables }: Found,
  { log, from, to }: { readonly log: string; readonly from: number; readonly to: number },
): Promise<readonly string[]> {
  for (const [stream, table] of tables) {
    const known = await logNamed(sql, prefix, stream, table, log)
    if (known === undefined) continue
    // An expired row has left its hash.
    return leafHashesOf(
      sql,
      prefix,
      { ...known, table },
      { from, to, mayHaveExpired: await isKept({ sql, prefix }) },
    )
  }
  return []
}

/** The same of one log, by its number. */
export async function leafHashesOf(
  sql: Pick<Sql, 'run'>,
  prefix: string,
  { logId, table }: { readonly logId: string; readonly table: string },
  {
    from,
    to,
    mayHaveExpired,
  }: { readonly from: number; readonly to: number; readonly mayHaveExpired: boolean },
): Promise<readonly string[]> {
  const within = 'WHERE log_id = $1 AND monotonic_seq >= $2 AND monotonic_seq < $3'
  const expired = mayHaveExpired
    ? `UNION ALL SELECT monotonic_seq, encode(hash, 'hex'), position FROM ${prefix}fasten_expired ${within}`
    : ''
  const rows = await sql.run(
    `SELECT monotonic_seq, hash, position FROM ${prefix}"${table}" ${within} ${expired}
    ORDER BY monotonic_seq, position LIMIT ${hashesMax}`,
    [logId, from, to],
  )
  const hole = rows.findIndex(
    ({ monotonic_seq, hash }, index) => Number(monotonic_seq) !== from + index || typeof hash !== 'string',
  )
  return (hole < 0 ? rows : rows.slice(0, hole)).map(({ hash }) => hash as string)
}

/** Logs that declare the key, and how many rows of each are signed. */
export async function readDeclaring(
  sql: Sql,
  { prefix, tables }: Found,
  publicKey: string,
): Promise<readonly (LogHead & { readonly signed: number })[]> {
  const declaring: (LogHead & { readonly signed: number })[] = []
  for (const [stream, table] of tables) {
    const logs = newestGenerations(await logsOf(sql, prefix, stream, table))
    const found = await sql.run(
      `SELECT l.log, coalesce(max(c.size), 0) AS signed FROM ${prefix}fasten_logs l
      LEFT JOIN ${prefix}fasten_checkpoints c ON c.table_name = l.table_name AND c.log = l.log
      WHERE l.table_name = $1 AND position($2 IN l.public_keys) > 0 GROUP BY l.log`,
      [table, publicKey],
    )
    const signedOf = new Map(found.map(({ log, signed }) => [String(log), Number(signed)]))
    for (const { log, size, head_hash } of logs) {
      const signed = signedOf.get(log)
      if (signed !== undefined) declaring.push({ log, stream, size, head_hash, signed })
    }
  }
  return declaring
}

/** The writing half, over transactions of the writer. */
export function checkpointStore(
  { perform }: Pick<PostgresWriter, 'perform'>,
  declaring: (publicKey: string) => ReturnType<typeof readDeclaring>,
  tableOf: (log: string) => string,
): CheckpointStore {
  return {
    declaring,
    unsealed: async (publicKey) => (await declaring(publicKey)).filter(({ size, signed }) => size > signed),
    put: (checkpoints) =>
      perform(async ({ sql, prefix }) => {
        await sql.run(
          `INSERT INTO ${prefix}fasten_checkpoints AS c (table_name, ${checkpointColumns})
          SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::int[])
          ON CONFLICT (table_name, log, size) DO UPDATE
          SET note = excluded.note, cosignatures = excluded.cosignatures, root = excluded.root, frontier = excluded.frontier
          WHERE excluded.cosignatures > c.cosignatures`,
          [
            checkpoints.map(({ log }) => tableOf(log)),
            checkpoints.map(({ log }) => log),
            checkpoints.map(({ size }) => size),
            checkpoints.map(({ root }) => root),
            checkpoints.map(({ frontier }) => frontier.join(' ')),
            checkpoints.map(({ note }) => note),
            checkpoints.map(({ signed_at }) => signed_at),
            checkpoints.map(({ cosignatures }) => cosignatures),
          ],
        )
      }),
    thin: (log, before) =>
      perform(async ({ sql, prefix }) => {
        await sql.run(
          `DELETE FROM ${prefix}fasten_checkpoints WHERE table_name = $1 AND log = $2 AND signed_at < $3 AND cosignatures = 0
          AND size NOT IN (
            SELECT max(size) FROM ${prefix}fasten_checkpoints WHERE table_name = $1 AND log = $2 GROUP BY left(signed_at, 13))`,
          [tableOf(log), log, before],
        )
      }),
    appendOwn: (base, own, declares) =>
      perform(({ appendOwn }) => appendOwn(base, own, declares), { logs: [base] }),
  }
}

/** Rows of one answer. */
const hashesMax = 65_536
