// SPDX-License-Identifier: Apache-2.0
import { hash } from 'node:crypto'
import { dirname, join } from 'node:path'
import type { IdSource } from '../core/ids.ts'
import { hexOf } from '../core/octets.ts'
import { keyFolder } from '../store/keys/key-folder.ts'
import type { Signer } from '../store/keys/signer.ts'
import { openSigning } from '../store/keys/signing.ts'
import type { FleetSettings } from '../store/ship/fleet-settings.ts'
import type { Config } from './config.ts'
import { planSigning, type LanePlan } from './open-lane.ts'

/** What the shippers of an instance need to know; undefined where no fleet is configured. Throws `KEY_…` as opening its stores would. */
export function openFleet(
  config: Config,
  plans: readonly LanePlan[],
  { ids, signer }: { readonly ids: IdSource; readonly signer: Signer | undefined },
): FleetSettings | undefined {
  const { fleet, keyDirectory } = config
  const folders = plans.flatMap(({ target }) => keyFolder(target.dsn, keyDirectory) ?? [])
  const [first] = folders
  if (fleet === undefined || first === undefined || config.durability === 'memory') return undefined
  const publicKeys = plans.flatMap(({ target }) => {
    const plan = planSigning(target.dsn, config)
    const signing = plan === null ? undefined : openSigning(plan, ids, signer)
    return signing === undefined ? [] : [hexOf(signing.signer().publicKey)]
  })
  return {
    url: fleet.url,
    token: fleet.token(),
    credentialFile: credentialFile(dirname(first.keyFile), fleet.url),
    tls: fleet.tls,
    spoolBytesMax: config.spoolBytesMax,
    source_node_id: config.node_id,
    service_id: config.service_id,
    publicKeys: [...new Set(publicKeys)],
    archives: [...new Set(folders.map(({ keyFile }) => join(dirname(keyFile), 'archive')))],
  }
}

/** Beside the keys: one for each fleet, so that none is shown the credential of another. */
export const credentialFile = (folder: string, url: string): string =>
  join(folder, `fleet-${hash('sha256', url, 'hex').slice(0, 16)}.json`)
