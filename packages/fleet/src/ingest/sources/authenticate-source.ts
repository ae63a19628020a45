// SPDX-License-Identifier: Apache-2.0
import { now } from '../../access/access-deps.ts'
import { digestOf } from '../../access/secret.ts'
import { sealedSql, type SealedRow } from '../../database/seals/sealed-row.ts'
import { scopeOf } from '../../nodes/node.ts'
import type { NodesDeps } from '../../nodes/nodes-deps.ts'
import type { Authenticator } from '../../web/authenticator.ts'
import { parseSourceCredential } from './source-credential.ts'

/**
 * Sources that send by themselves, by `authorization: Bearer fls_…`. Refused alike: a credential that is none of ours, has ended, belongs to a source
 * that was removed, or whose seal or whose source's does not hold. The first use of a new credential ends the ones before it.
 */
export function authenticateSource(deps: NodesDeps): Authenticator {
  return async (request) => {
    const [, token] = /^bearer +(fls_.*)$/i.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) return undefined
    const parsed = parseSourceCredential(token)
    if (parsed === undefined) return 'refused'
    const at = now(deps)
    const digest = digestOf(parsed.secret)
    // Looked up by the digest: how long that takes says nothing of the secret.
    const { rows } = await deps.database.pool.query<FoundRow>({
      name: 'fleet_source_credential',
      text: `SELECT s.name, s.tenants, c.used_at, ${sealedSql('source_credential', 'c')} AS sealed, ${sealedSql('source', 's')} AS source_sealed
        FROM fleet_source_credentials c JOIN fleet_sources s USING (source_id)
        WHERE c.digest = $1 AND s.source_id = $2 AND s.removed_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > $3)`,
      values: [digest, parsed.source_id, at],
    })
    const [found] = rows
    const { seals } = deps.database
    if (found === undefined) return 'refused'
    if (!seals.holds('source_credential', found.sealed) || !seals.holds('source', found.source_sealed))
      return 'refused'
    if (found.used_at === null) await takeIntoUse(deps, parsed.source_id, digest, at)
    return {
      kind: 'source',
      actor: `source:${parsed.source_id}`,
      name: found.name,
      tenants: scopeOf(found.tenants),
      permissions: new Set(['ingest:arrive']),
      auth_method: 'source_credential',
      source_id: parsed.source_id,
    }
  }
}

interface FoundRow {
  readonly name: string
  readonly tenants: string[] | null
  readonly used_at: Date | null
  readonly sealed: SealedRow
  readonly source_sealed: SealedRow
}

async function takeIntoUse(deps: NodesDeps, source_id: string, digest: Buffer, at: Date): Promise<void> {
  const { seals } = deps.database
  const id = digest.toString('hex')
  await deps.database.transact(async (sql) => {
    await seals.lock(sql, 'source_credential', id)
    const { rowCount: first } = await sql.query(
      'UPDATE fleet_source_credentials SET used_at = $2 WHERE digest = $1 AND used_at IS NULL',
      [digest, at],
    )
    if (first === 0) return
    const ended = await sql.query<{ id: string }>(
      `UPDATE fleet_source_credentials SET ends_at = $3 WHERE source_id = $1 AND digest <> $2 AND ends_at IS NULL
      RETURNING encode(digest, 'hex') AS id`,
      [source_id, digest, at],
    )
    await seals.seal(sql, 'source_credential', id, ...ended.rows.map((row) => row.id))
    if (ended.rows.length > 0)
      await deps.fasten.emit(sql, {
        code: 'SOURCE_CHANGED',
        actor: `source:${source_id}`,
        actor_kind: 'service',
        target: `source:${source_id}`,
        target_kind: 'source',
        detail: { credential: 'in_use' },
      })
  })
}
