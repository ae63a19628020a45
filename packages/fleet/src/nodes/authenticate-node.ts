// SPDX-License-Identifier: Apache-2.0
import { now } from '../access/access-deps.ts'
import { sealedSql, type SealedRow } from '../database/seals/sealed-row.ts'
import type { Authenticator } from '../web/authenticator.ts'
import { clientKeyOf } from './client-key.ts'
import { digestOf, parseCredential } from './credential.ts'
import { scopeOf } from './node.ts'
import type { NodesDeps } from './nodes-deps.ts'

/**
 * Nodes by `authorization: Bearer fln_…` and, where their credential asks for one, the client certificate of the connection. Refused: a
 * credential that is none of ours, has ended, or belongs to a node that was revoked, one whose seal does not hold, and one that comes without its
 * certificate; all are answered alike.
 *
 * The first use of a new credential ends the ones before it. When a node was last seen is kept to ten seconds.
 */
export function authenticateNode(deps: NodesDeps): Authenticator {
  return async (request) => {
    const [, token] = /^bearer +(fln_.*)$/i.exec(request.headers.authorization ?? '') ?? []
    if (token === undefined) return undefined
    const parsed = parseCredential(token)
    if (parsed === undefined) return 'refused'
    const at = now(deps)
    const digest = digestOf(parsed.secret)
    // Looked up by the digest: how long that takes says nothing of the secret.
    const { rows } = await deps.database.pool.query<FoundRow>({
      name: 'fleet_node_credential',
      text: `SELECT n.source_node_id, n.tenants, n.last_seen_at, c.used_at, c.wants_certificate, c.client_key_sha256,
          ${sealedSql('node_credential', 'c')} AS sealed, ${sealedSql('node', 'n')} AS node_sealed
        FROM fleet_node_credentials c JOIN fleet_nodes n USING (node_id)
        WHERE c.digest = $1 AND n.node_id = $2 AND n.revoked_at IS NULL AND (c.ends_at IS NULL OR c.ends_at > $3)`,
      values: [digest, parsed.node_id, at],
    })
    const [node] = rows
    const { seals } = deps.database
    if (node === undefined) return 'refused'
    if (!seals.holds('node_credential', node.sealed) || !seals.holds('node', node.node_sealed))
      return 'refused'
    const key = node.wants_certificate ? clientKeyOf(request) : undefined
    if (node.wants_certificate) {
      const isOther = node.client_key_sha256 !== null && key?.equals(node.client_key_sha256) !== true
      if (key === undefined || isOther) {
        tellWrongCertificate(deps, parsed.node_id, key)
        return 'refused'
      }
    }
    if (node.used_at === null && !(await takeIntoUse(deps, { ...parsed, digest, at, key }))) return 'refused'
    if (node.last_seen_at === null || at.getTime() - node.last_seen_at.getTime() >= seenEveryMs)
      await deps.database.pool.query(
        'UPDATE fleet_nodes SET last_seen_at = $2 WHERE node_id = $1 AND (last_seen_at IS NULL OR last_seen_at < $2)',
        [parsed.node_id, at],
      )
    return {
      kind: 'node',
      actor: `node:${parsed.node_id}`,
      name: node.source_node_id,
      tenants: scopeOf(node.tenants),
      permissions: new Set(['ingest:push']),
      auth_method: node.wants_certificate ? 'mtls' : 'node_credential',
      node_id: parsed.node_id,
    }
  }
}

interface FoundRow {
  readonly source_node_id: string
  readonly tenants: string[] | null
  readonly last_seen_at: Date | null
  readonly used_at: Date | null
  readonly wants_certificate: boolean
  readonly client_key_sha256: Buffer | null
  readonly sealed: SealedRow
  readonly node_sealed: SealedRow
}

const seenEveryMs = 10_000

interface FirstUse {
  readonly node_id: string
  readonly digest: Buffer
  readonly at: Date
  readonly key: Buffer | undefined
}

/** False when somebody else was first, with another certificate, or the credential has ended in between. */
async function takeIntoUse(deps: NodesDeps, { node_id, digest, at, key }: FirstUse): Promise<boolean> {
  const { seals } = deps.database
  const id = digest.toString('hex')
  return deps.database.transact(async (sql) => {
    await seals.lock(sql, 'node_credential', id)
    const { rows } = await sql.query<{ is_first: boolean }>(
      `UPDATE fleet_node_credentials c SET used_at = coalesce(c.used_at, $2), client_key_sha256 = coalesce(c.client_key_sha256, $3)
      FROM (SELECT digest, used_at IS NULL AS is_first FROM fleet_node_credentials WHERE digest = $1 FOR UPDATE) AS before
      WHERE c.digest = before.digest AND (c.ends_at IS NULL OR c.ends_at > $2)
        AND ($3::bytea IS NULL OR c.client_key_sha256 IS NULL OR c.client_key_sha256 = $3) RETURNING before.is_first`,
      [digest, at, key ?? null],
    )
    const [used] = rows
    if (used === undefined) return false
    await seals.seal(sql, 'node_credential', id)
    if (!used.is_first) return true
    const ended = await sql.query<{ id: string }>(
      `UPDATE fleet_node_credentials SET ends_at = $3 WHERE node_id = $1 AND digest <> $2 AND ends_at IS NULL
      RETURNING encode(digest, 'hex') AS id`,
      [node_id, digest, at],
    )
    await seals.seal(sql, 'node_credential', ...ended.rows.map((row) => row.id))
    if (ended.rows.length > 0)
      await deps.fasten.emit(sql, {
        code: 'NODE_CREDENTIAL_ROTATED',
        actor: `node:${node_id}`,
        actor_kind: 'service',
        target: `node:${node_id}`,
        target_kind: 'node',
        detail: { stage: 'in_use' },
      })
    return true
  })
}

function tellWrongCertificate({ fasten }: NodesDeps, node_id: string, key: Buffer | undefined): void {
  fasten.emit({
    code: 'ACCESS_DENIED',
    actor: `node:${node_id}`,
    actor_kind: 'service',
    target: `node:${node_id}`,
    target_kind: 'node',
    outcome: 'denied',
    reason:
      key === undefined
        ? 'the credential came without a client certificate'
        : 'the client certificate has another key',
  })
}
