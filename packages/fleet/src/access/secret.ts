// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'

/** 256 random bits as 43 characters: too many to be guessed, so one fast hash of them is all that has to be kept. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url')
}

/** What is stored in place of a secret. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest()
}

/** Compares in a time that says nothing of where two digests differ. */
export function isDigestOf(secret: string, digest: Buffer): boolean {
  return timingSafeEqual(digestOf(secret), digest)
}

/** 12 random characters of a to z and 2 to 7, 60 bits: names a thing and opens nothing. */
export function newName(): string {
  return Array.from(randomBytes(12), (byte) => alphabet[byte & 31]).join('')
}

const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'
