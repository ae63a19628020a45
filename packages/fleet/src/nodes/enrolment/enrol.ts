// SPDX-License-Identifier: Apache-2.0
import type { PoolClient } from 'pg'
import { now } from '../../access/access-deps.ts'
import { isDigestOf } from '../../access/secret.ts'
import { sealedSql, type SealedRow } from '../../database/seals/sealed-row.ts'
import type { TenantScope } from '../../database/tenant-scope.ts'
import { Problem } from '../../web/problem.ts'
import { createCredential, type CredentialFacts } from '../create-credential.ts'
import { createNode } from '../create-node.ts'
import { scopeOf, type NodeSql } from '../node.ts'
import type { NodesDeps } from '../nodes-deps.ts'
import { enrolmentTokenColumns, type EnrolmentTokenRow } from './enrolment-token.ts'

export interface EnrolmentOrder {
  readonly token: string
  readonly source_node_id: string
  readonly service_id?: string | undefined
  readonly software: string
  /** Ed25519, 64 lower-case hex each. */
  readonly public_keys: readonly string[]
  /** Of the client certificate that it came with. */
  readonly clientKey: Buffer | undefined
  /** Whether nodes need a certificate here. */
  readonly wantsCertificate: boolean
}

export interface Enrolled {
  readonly node_id: string
  readonly credential: string
  readonly tenants: TenantScope
}

/**
 * A node for a token, with what the token says it may write. A node whose answer got lost may ask once more with the same token, names and
 * keys, as long as its credential was never used: it gets another for the same node, and the first ends.
 *
 * Throws Problem 401 `TOKEN_INVALID` for a token that is none of ours, and to who holds one of ours `TOKEN_REVOKED`, `TOKEN_EXPIRED`, `TOKEN_SPENT` and
 * 403 `TOKEN_ELSEWHERE` when it is for another node or service; 403 `CERTIFICATE_NEEDED`; what `createNode` throws.
 */
export async function enrol(deps: NodesDeps, order: EnrolmentOrder): Promise<Enrolled> {
  const [, prefix, secret] = /^fle_([a-z2-7]{12})_([A-Za-z0-9_-]{43})$/.exec(order.token) ?? []
  if (prefix === undefined || secret === undefined) throw unknownToken()
  if (order.wantsCertificate && order.clientKey === undefined)
    throw new Problem(403, 'CERTIFICATE_NEEDED', 'nodes of this fleet enrol with a client certificate', {
      hint: 'connect with a certificate that the authority of this fleet has signed',
    })
  const at = now(deps)
  const { seals } = deps.database
  return deps.database.transact(async (sql) => {
    const { rows } = await sql.query<
      EnrolmentTokenRow & { readonly secret_sha256: Buffer; readonly sealed: SealedRow }
    >(
      `SELECT secret_sha256, ${enrolmentTokenColumns}, ${sealedSql('enrolment_token', 't')} AS sealed
      FROM fleet_enrolment_tokens t WHERE prefix = $1 FOR UPDATE`,
      [prefix],
    )
    const [token] = rows
    if (token === undefined || !isDigestOf(secret, token.secret_sha256)) throw unknownToken()
    if (!seals.holds('enrolment_token', token.sealed)) throw unknownToken()
    const fault = faultOf(token, order, at)
    if (fault !== undefined) throw denied(deps, token, fault)
    const facts: CredentialFacts = {
      seals,
      at,
      madeBy: `enrolment_token:e_${prefix}`,
      wantsCertificate: order.wantsCertificate,
      clientKey: order.wantsCertificate ? order.clientKey : undefined,
    }
    const tenants = scopeOf(token.tenants)
    const again = await unusedNode(sql, token, order)
    if (again !== undefined) {
      const credential = await createCredential(sql, again, facts)
      await tell(deps, sql, { node_id: again, prefix, order, tenants })
      return { node_id: again, credential, tenants }
    }
    if (token.uses >= token.uses_max)
      throw denied(deps, token, new Problem(401, 'TOKEN_SPENT', 'this token was used already', spentHint))
    const service_id = order.service_id ?? token.service_id ?? undefined
    const made = await createNode(sql, { ...order, service_id, tenants, enrolledWith: prefix }, facts)
    await sql.query('UPDATE fleet_enrolment_tokens SET uses = uses + 1 WHERE prefix = $1', [prefix])
    await seals.seal(sql, 'enrolment_token', prefix)
    await tell(deps, sql, { node_id: made.node_id, prefix, order, tenants })
    return { ...made, tenants }
  })
}

const spentHint = { hint: 'ask for another: fleet nodes enrol' }

function faultOf(token: EnrolmentTokenRow, order: EnrolmentOrder, at: Date): Problem | undefined {
  if (token.revoked_at !== null) return new Problem(401, 'TOKEN_REVOKED', 'this token was revoked', spentHint)
  if (token.expires_at.getTime() <= at.getTime())
    return new Problem(
      401,
      'TOKEN_EXPIRED',
      `this token ended at ${token.expires_at.toISOString()}`,
      spentHint,
    )
  if (token.source_node_id !== null && token.source_node_id !== order.source_node_id)
    return new Problem(403, 'TOKEN_ELSEWHERE', `this token is for the node "${token.source_node_id}"`)
  if (token.service_id !== null && (order.service_id ?? token.service_id) !== token.service_id)
    return new Problem(403, 'TOKEN_ELSEWHERE', `this token is for the service "${token.service_id}"`)
  return undefined
}

const unknownToken = (): Problem =>
  new Problem(401, 'TOKEN_INVALID', 'this is no enrolment token of this fleet')

/** Only for who holds the token: others learn nothing and leave nothing but the row of their access. */
function denied({ fasten }: NodesDeps, token: EnrolmentTokenRow, problem: Problem): Problem {
  fasten.emit({
    code: 'ACCESS_DENIED',
    actor: `enrolment_token:e_${token.prefix}`,
    actor_kind: 'service',
    target: `e_${token.prefix}`,
    target_kind: 'enrolment_token',
    outcome: 'denied',
    reason: problem.message,
  })
  return problem
}

/** The node that enrolled with this token, these names and these keys, and never came back since. */
async function unusedNode(
  sql: NodeSql,
  { prefix, service_id }: EnrolmentTokenRow,
  order: EnrolmentOrder,
): Promise<string | undefined> {
  const { rows } = await sql.query<{ node_id: string }>(
    `SELECT n.node_id FROM fleet_nodes n
    WHERE n.enrolled_with = $1 AND n.source_node_id = $2 AND n.service_id IS NOT DISTINCT FROM $3 AND n.revoked_at IS NULL
      AND NOT EXISTS (SELECT FROM fleet_node_credentials c WHERE c.node_id = n.node_id AND c.used_at IS NOT NULL)
      AND ARRAY(SELECT k.public_key FROM fleet_node_keys k WHERE k.node_id = n.node_id ORDER BY k.public_key COLLATE "C") = $4::text[]`,
    [prefix, order.source_node_id, order.service_id ?? service_id, [...new Set(order.public_keys)].sort()],
  )
  return rows[0]?.node_id
}

async function tell(
  { fasten }: NodesDeps,
  sql: PoolClient,
  about: {
    readonly node_id: string
    readonly prefix: string
    readonly order: EnrolmentOrder
    readonly tenants: TenantScope
  },
): Promise<void> {
  const { node_id, prefix, order, tenants } = about
  await fasten.emit(sql, {
    code: 'NODE_ENROLLED',
    actor: `node:${node_id}`,
    actor_kind: 'service',
    target: `node:${node_id}`,
    target_kind: 'node',
    detail: {
      source_node_id: order.source_node_id,
      ...(order.service_id === undefined ? {} : { service_id: order.service_id }),
      software: order.software,
      public_keys: [...order.public_keys],
      tenants,
      token_id: `e_${prefix}`,
      ...(order.clientKey === undefined ? {} : { client_key_sha256: order.clientKey.toString('hex') }),
    },
  })
}
