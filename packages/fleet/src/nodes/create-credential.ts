// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { digestOf } from './credential.ts'
import type { NodeSql } from './node.ts'

export interface CredentialFacts {
  /** Default: the database's now. */
  readonly at?: Date
  readonly madeBy?: string
  /** The credential opens nothing without a client certificate. Default false. */
  readonly wantsCertificate?: boolean
  /** SHA-256 of that certificate's public key. Left out: whichever it is first used with. */
  readonly clientKey?: Buffer | undefined
}

/**
 * A further credential of a node, good once the caller's transaction commits. Those before stay good until it is used for the first time, so
 * that an answer which got lost locks nobody out; one that was made before and never used ends at once.
 */
export async function createCredential(
  sql: NodeSql,
  node_id: string,
  { at, madeBy, wantsCertificate = false, clientKey }: CredentialFacts = {},
): Promise<string> {
  const secret = randomBytes(32).toString('base64url')
  await sql.query(
    `UPDATE fleet_node_credentials SET ends_at = coalesce($2, clock_timestamp())
    WHERE node_id = $1 AND used_at IS NULL AND ends_at IS NULL`,
    [node_id, at ?? null],
  )
  await sql.query(
    `INSERT INTO fleet_node_credentials (digest, node_id, made_at, made_by, wants_certificate, client_key_sha256)
    VALUES ($1, $2, coalesce($3, clock_timestamp()), $4, $5, $6)`,
    [digestOf(secret), node_id, at ?? null, madeBy ?? null, wantsCertificate, clientKey ?? null],
  )
  return `fln_${node_id}_${secret}`
}
