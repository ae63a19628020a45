// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import type { PoolClient } from 'pg'
import type { Seals } from '../database/seals/seals.ts'
import { digestOf } from './credential.ts'

export interface CredentialFacts {
  /** Of the fleet's database. */
  readonly seals: Seals
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
  sql: PoolClient,
  node_id: string,
  { seals, at, madeBy, wantsCertificate = false, clientKey }: CredentialFacts,
): Promise<string> {
  const secret = randomBytes(32).toString('base64url')
  const digest = digestOf(secret)
  const ended = await sql.query<{ id: string }>(
    `UPDATE fleet_node_credentials SET ends_at = coalesce($2, clock_timestamp())
    WHERE node_id = $1 AND used_at IS NULL AND ends_at IS NULL RETURNING encode(digest, 'hex') AS id`,
    [node_id, at ?? null],
  )
  await sql.query(
    `INSERT INTO fleet_node_credentials (digest, node_id, made_at, made_by, wants_certificate, client_key_sha256)
    VALUES ($1, $2, coalesce($3, clock_timestamp()), $4, $5, $6)`,
    [digest, node_id, at ?? null, madeBy ?? null, wantsCertificate, clientKey ?? null],
  )
  await seals.seal(sql, 'node_credential', ...ended.rows.map(({ id }) => id), digest.toString('hex'))
  return `fln_${node_id}_${secret}`
}
