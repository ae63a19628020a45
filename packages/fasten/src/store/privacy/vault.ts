// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import type { KeyService } from './key-service.ts'

export interface VaultOptions {
  /** Of the server, e.g. `https://vault.example.org:8200`. */
  readonly url: string
  /** A token that may encrypt and decrypt with the key, and nothing else. */
  readonly token: string
  /** Name of the key in the transit engine. */
  readonly key: string
  /** Where the transit engine is mounted. Default `transit`. */
  readonly mount?: string
  /** Milliseconds that an answer may take. Default 10,000; it is waited for at start only. */
  readonly timeoutMs?: number
}

/**
 * Vault's transit engine (and OpenBao's) as a key service: the key never leaves the server. Throws FastenError `KEY_SERVICE` when it
 * cannot be reached, refuses, or answers something else; the token is in no message.
 */
export function createVaultKeyService(options: VaultOptions): KeyService {
  const { url, token, key, mount = 'transit', timeoutMs = 10_000 } = options

  async function ask(
    action: 'encrypt' | 'decrypt',
    body: Readonly<Record<string, string>>,
    member: string,
  ): Promise<string> {
    const at = `${url.replace(/\/+$/, '')}/v1/${mount}/${action}/${encodeURIComponent(key)}`
    const refused = (why: string, cause?: unknown): FastenError =>
      new FastenError('KEY_SERVICE', `the key service would not ${action}: ${why}`, {
        at,
        hint: 'check address, token and policy; nothing personal is sealed without the key',
        ...(cause === undefined ? {} : { cause }),
      })
    let response: Response
    let answer: { readonly data?: Readonly<Record<string, unknown>> }
    try {
      response = await fetch(at, {
        method: 'POST',
        headers: { 'x-vault-token': token, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(timeoutMs),
      })
      answer = readJson(await response.text()) as typeof answer
    } catch (cause) {
      throw refused(cause instanceof Error ? cause.message : String(cause), cause)
    }
    const value = answer.data?.[member]
    if (!response.ok || typeof value !== 'string') throw refused(`it answered ${response.status}`)
    return value
  }

  return {
    encrypt: (plain) => ask('encrypt', { plaintext: Buffer.from(plain).toString('base64') }, 'ciphertext'),
    decrypt: async (ciphertext) => Buffer.from(await ask('decrypt', { ciphertext }, 'plaintext'), 'base64'),
  }
}
