// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { FastenError } from 'fasten'
import { formatVerifierKey, parseVerifierKey, verifierKey, type NoteSigner } from 'fasten/core'
import { ed25519FromSeed, ed25519Pair, sha256 } from 'fasten/store'
import { derived, type FleetDatabase } from '../database/fleet-database.ts'

export interface WitnessKeyOptions {
  readonly database: Pick<FleetDatabase, 'pool'>
  /** The fleet's. */
  readonly secret: Buffer
  /** Of the fleet, for the name of a key that is made. */
  readonly name: string
}

/**
 * The key with which this fleet cosigns: made on the first call, the same for all its servers and for ever, since whoever believes the fleet was
 * given its public half. It lies in the database, sealed under the fleet's secret, so a copy of the database alone cosigns nothing.
 *
 * Throws FastenError `WITNESS_KEY_SEALED` when it does not open.
 */
export async function openWitnessKey({
  database: { pool },
  secret,
  name,
}: WitnessKeyOptions): Promise<NoteSigner> {
  const wrap = Buffer.from(derived(secret, 'witness key'), 'base64url')
  const seed = randomBytes(32)
  const own = signerOf(`${name}/witness`, seed)
  await pool.query('INSERT INTO fleet_witness_key (vkey, sealed) VALUES ($1, $2) ON CONFLICT DO NOTHING', [
    formatVerifierKey(own.key),
    seal(seed, wrap),
  ])
  const { rows } = await pool.query<{ vkey: string; sealed: Buffer }>(
    'SELECT vkey, sealed FROM fleet_witness_key',
  )
  const [kept] = rows
  const opened = kept && open(kept.sealed, wrap)
  const signer = opened && signerOf(parseVerifierKey(kept.vkey, sha256).name, opened)
  if (signer !== undefined && formatVerifierKey(signer.key) === kept?.vkey) return signer
  throw new FastenError('WITNESS_KEY_SEALED', 'the key with which this fleet cosigns does not open', {
    at: 'fleet_witness_key',
    hint: 'restore the table or the FLEET_SECRET of the time it was made; a new key would have to be given to everybody who verifies',
  })
}

function signerOf(name: string, seed: Uint8Array): NoteSigner {
  const { publicKey, sign } = ed25519Pair(ed25519FromSeed(seed))
  return { key: verifierKey(name, 'cosignature/v1', publicKey, sha256), sign }
}

/** 12 bytes of nonce, 16 of tag, the rest: AES-256-GCM. */
function seal(plain: Buffer, key: Buffer): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, nonce)
  const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
}

function open(sealed: Buffer, key: Buffer): Buffer | undefined {
  if (sealed.length !== 12 + 16 + 32) return undefined
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
  decipher.setAuthTag(sealed.subarray(12, 28))
  const plain = decipher.update(sealed.subarray(28))
  try {
    return Buffer.concat([plain, decipher.final()])
  } catch {
    // The tag does not fit: another key, or somebody changed the bytes. The caller says so.
    return undefined
  }
}
