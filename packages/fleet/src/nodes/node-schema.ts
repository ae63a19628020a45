// SPDX-License-Identifier: Apache-2.0
import { FastenError } from 'fasten'
import { z } from 'zod'
import { publicKeyHex } from './public-key.ts'

/** A service or a node as logs' names say it. */
export const placeName = z.string().regex(/^[^\p{Cc}]{1,128}$/u, 'is 1 to 128 printable characters')

/** An Ed25519 key, out of 64 hex or a verifier key, as 64 lower-case hex. */
export const publicKey = z
  .string()
  .max(512)
  .transform((text, context) => {
    try {
      return publicKeyHex(text)
    } catch (error) {
      if (!(error instanceof FastenError)) throw error
      context.addIssue({ code: 'custom', message: `is no Ed25519 key: ${error.message}` })
      return z.NEVER
    }
  })

export const software = z.string().regex(/^[\x20-\x7e]{1,128}$/, 'is 1 to 128 printable ASCII characters')
