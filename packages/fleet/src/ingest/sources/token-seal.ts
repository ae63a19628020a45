// SPDX-License-Identifier: Apache-2.0
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { derived } from '../../database/fleet-database.ts'

/** Tokens with which the fleet asks others, as they rest in the database: a copy of that alone opens none. */
export interface TokenSeal {
  /** Bound to its source: moved to another one, it does not open. */
  seal(token: string, source_id: string): Buffer
  /** Undefined for what was sealed under another secret or for another source, and for what somebody changed. */
  open(sealed: Buffer, source_id: string): string | undefined
}

/** AES-256-GCM under a key that comes out of the fleet's secret: 12 bytes of nonce, 16 of tag, the rest. */
export function createTokenSeal(secret: Buffer): TokenSeal {
  const key = Buffer.from(derived(secret, 'source tokens'), 'base64url')
  const about = (source_id: string): Buffer => Buffer.from(`fasten-fleet/1 source token ${source_id}`)
  return {
    seal(token, source_id) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(about(source_id))
      const sealed = Buffer.concat([cipher.update(token, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), sealed])
    },
    open(sealed, source_id) {
      if (sealed.length < 28) return undefined
      const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12), { authTagLength: 16 })
      decipher.setAAD(about(source_id)).setAuthTag(sealed.subarray(12, 28))
      const plain = decipher.update(sealed.subarray(28))
      try {
        return Buffer.concat([plain, decipher.final()]).toString('utf8')
      } catch {
        // The tag does not fit. The caller says so.
        return undefined
      }
    },
  }
}
