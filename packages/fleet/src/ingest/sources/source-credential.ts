// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { digestOf, newSecret } from '../../access/secret.ts'
import type { Seals } from '../../database/seals/seals.ts'

/** The parts of `fls_<source id>_<secret>`; undefined for a text of another form. */
export function parseSourceCredential(
  text: string,
): { readonly source_id: string; readonly secret: string } | undefined {
  const [, source_id, secret] = /^fls_([0-9a-z]{16})_([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  return source_id === undefined || secret === undefined ? undefined : { source_id, secret }
}

/**
 * A further credential of a source, good once the caller's transaction commits, and kept as a digest only. Those before stay good until it is used for the
 * first time; one that was made before and never used ends at once.
 */
export async function createSourceCredential(
  sql: PoolClient,
  source_id: string,
  { seals, at, by }: { readonly seals: Seals; readonly at: Date; readonly by: string },
): Promise<string> {
  const secret = newSecret()
  const digest = digestOf(secret)
  const ended = await sql.query<{ id: string }>(
    `UPDATE fleet_source_credentials SET ends_at = $2 WHERE source_id = $1 AND used_at IS NULL AND ends_at IS NULL
    RETURNING encode(digest, 'hex') AS id`,
    [source_id, at],
  )
  await sql.query(
    'INSERT INTO fleet_source_credentials (digest, source_id, made_at, made_by) VALUES ($1, $2, $3, $4)',
    [digest, source_id, at, by],
  )
  await seals.seal(sql, 'source_credential', ...ended.rows.map(({ id }) => id), digest.toString('hex'))
  return `fls_${source_id}_${secret}`
}

/** No credential of the source opens anything from then on. Answers how many did. */
export async function endSourceCredentials(
  sql: PoolClient,
  source_id: string,
  { seals, at }: { readonly seals: Seals; readonly at: Date },
): Promise<number> {
  const { rows } = await sql.query<{ id: string }>(
    `UPDATE fleet_source_credentials SET ends_at = $2 WHERE source_id = $1 AND (ends_at IS NULL OR ends_at > $2)
    RETURNING encode(digest, 'hex') AS id`,
    [source_id, at],
  )
  await seals.seal(sql, 'source_credential', ...rows.map(({ id }) => id))
  return rows.length
}
