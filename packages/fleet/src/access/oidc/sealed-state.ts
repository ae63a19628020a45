// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { z } from 'zod'
import { derived } from '../../database/fleet-database.ts'

/** A login that is under way at the identity provider. */
export interface LoginState {
  readonly state: string
  readonly nonce: string
  readonly verifier: string
  /** A path of this fleet, where the person wanted to go. */
  readonly returnTo: string
  /** ms since the epoch. */
  readonly begunAt: number
}

const form = z.strictObject({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  begunAt: z.number(),
})

const ivBytes = 12
const tagBytes = 16

/**
 * The state as text for a cookie, encrypted and authenticated under a key that all servers of the fleet share: whichever of them the person comes
 * back to can go on, and none has to keep anything.
 */
export function sealState(secret: Buffer, state: LoginState): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', keyOf(secret), iv)
  const sealed = Buffer.concat([cipher.update(JSON.stringify(state), 'utf8'), cipher.final()])
  return Buffer.concat([iv, sealed, cipher.getAuthTag()]).toString('base64url')
}

/** What was sealed, or undefined for anything else. */
export function openState(secret: Buffer, text: string): LoginState | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length <= ivBytes + tagBytes) return undefined
  try {
    const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, ivBytes))
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    const opened = Buffer.concat([decipher.update(bytes.subarray(ivBytes, -tagBytes)), decipher.final()])
    return form.parse(readJson(opened.toString('utf8')))
  } catch {
    // Not sealed by this fleet, or changed since; its holder begins again.
    return undefined
  }
}

const keyOf = (secret: Buffer): Buffer => Buffer.from(derived(secret, 'oidc login'), 'base64url')
