// SPDX-License-Identifier: Apache-2.0
import { now } from '../../access/access-deps.ts'
import { digestOf } from '../../access/secret.ts'
import { scopeOf } from '../../nodes/node.ts'
import type { NodesDeps } from '../../nodes/nodes-deps.ts'
import type { Authenticator } from '../../web/authenticator.ts'
import { parseSourceCredential } from './source-credential.ts'

/**
 * Sources that send by themselves, by `authorization: Bearer fls_…`. Refused alike: a credential that is none of ours, has ended, or belongs to a source
 * that was removed. The first use of a new credential ends the ones before it.
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
      text: `SELECT s.name, s.tenants, c.used_at FROM fleet_source_credentials c JOIN fleet_sources s USING (source_id)
        WHERE c.digest = $1 AND s.source_id = $2 AND s.removed_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > $3)`,
      values: [digest, parsed.source_id, at],
    })
    const [found] = rows
    if (found === undefined) return 'refused'
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
}

async function takeIntoUse(deps: NodesDeps, source_id: string, digest: Buffer, at: Date): Promise<void> {
  await deps.database.transact(async (sql) => {
    const { rowCount: first } = await sql.query(
      'UPDATE fleet_source_credentials SET used_at = $2 WHERE digest = $1 AND used_at IS NULL',
      [digest, at],
    )
    if (first === 0) return
    const { rowCount: ended } = await sql.query(
      'UPDATE fleet_source_credentials SET ends_at = $3 WHERE source_id = $1 AND digest <> $2 AND ends_at IS NULL',
      [source_id, digest, at],
    )
    if ((ended ?? 0) > 0)
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
