// SPDX-License-Identifier: Apache-2.0
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { systemCode } from '../../core/error.ts'
import { hexOf } from '../../core/octets.ts'
import { openNodeKey } from '../keys/node-key.ts'
import type { FleetCredential } from './credential.ts'
import { FleetFault, type FleetClient } from './fleet-client.ts'

/**
 * Registers a key of this node at the fleet: a key that is registered already vouches for it, which after `fasten key rotate` is the one in the
 * archive. The credential with the key among its own; undefined when no key that is here can vouch. Throws a `FleetFault` when
 * the fleet cannot be asked. Source: spec/fleet.md#who-a-node-is.
 */
export async function registerKey(
  client: FleetClient,
  credential: FleetCredential,
  about: { readonly publicKey: string; readonly archives: readonly string[]; readonly signal: AbortSignal },
): Promise<FleetCredential | undefined> {
  const { publicKey, archives, signal } = about
  for (const path of archives.flatMap(keysIn)) {
    const old = openNodeKey(path)
    if (hexOf(old.publicKey) === publicKey) continue
    const statement = new TextEncoder().encode(`fasten-fleet/1 key ${credential.node_id} ${publicKey}`)
    const body = { public_key: publicKey, signature: hexOf(await old.sign(statement)) }
    try {
      await client.ask(
        {
          method: 'POST',
          path: '/keys',
          credential: credential.credential,
          body: Buffer.from(JSON.stringify(body)),
        },
        signal,
      )
      return { ...credential, public_keys: [...credential.public_keys, publicKey] }
    } catch (error) {
      // A key that the fleet does not know vouches for nothing; another may.
      if (!(error instanceof FleetFault) || error.kind === 'later' || error.status === 401) throw error
    }
  }
  return undefined
}

function keysIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith('.key'))
      .map((name) => join(folder, name))
  } catch (error) {
    // No key was ever replaced here.
    if (systemCode(error) === 'ENOENT') return []
    throw error
  }
}
