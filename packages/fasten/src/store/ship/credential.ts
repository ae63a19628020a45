// SPDX-License-Identifier: Apache-2.0
/**
 * How a node gets its credential: it is given one (`fln_…`), or a token (`fle_…`) that it exchanges, once.
 *
 *   the file is there, from this token   that one
 *   else: lock ▸ look again ▸ ask the fleet ▸ write the file, flushed ▸ use it
 *
 * Of several processes that start with one token, the first asks and the others read. A crash between the answer and the file costs
 * the token: the node is enrolled with a credential that nobody has, and needs another token.
 */
import { hash } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { readJson } from '../../core/read-json.ts'
import { makeKeyFolder } from '../keys/make-key-folder.ts'
import { keyFileAccess } from '../keys/node-key.ts'
import { software } from '../software.ts'
import { syncDirectory } from '../spool/layout.ts'
import { acquireLock } from '../spool/lock.ts'
import { answerFault, type FleetClient } from './fleet-client.ts'
import type { FleetSettings } from './fleet-settings.ts'

export interface FleetCredential {
  readonly node_id: string
  /** `fln_…`; a secret. */
  readonly credential: string
  /** Keys of this node that the fleet is known to have, 64 hex each. */
  readonly public_keys: readonly string[]
  /** What the fleet cosigns with, as it said when this node first spoke to it. Another key is another fleet. */
  readonly witness_vkey?: string
}

/** The credential that is given or kept; undefined when the token is still to be exchanged. Throws `FLEET_CREDENTIAL`. */
export function keptCredential(
  settings: Pick<FleetSettings, 'token' | 'credentialFile'>,
): FleetCredential | undefined {
  const { token, credentialFile } = settings
  const found = readKept(credentialFile)
  const kept = found?.token_hash === tokenHash(token) ? found : undefined
  if (!isGiven(token)) return kept
  return { public_keys: [], ...kept, node_id: token.split('_')[1] ?? '', credential: token }
}

const isGiven = (token: string): boolean => token.startsWith('fln_')

/** The node's credential, exchanged for its token if need be. Throws what the fleet answers, and `FLEET_CREDENTIAL` when it cannot be kept. */
export async function openCredential(
  settings: FleetSettings,
  client: FleetClient,
  ids: Pick<IdSource, 'randomHex'>,
  signal: AbortSignal,
): Promise<{ readonly credential: FleetCredential; readonly isNew: boolean } | 'elsewhere'> {
  const kept = keptCredential(settings)
  if (kept !== undefined) return { credential: kept, isNew: false }
  const { credentialFile, token } = settings
  // Before the token is spent: a folder that cannot be written would cost it.
  makeFolder(credentialFile)
  const lock = acquireLock(`${credentialFile}.lock`)
  if (lock === null) return 'elsewhere'
  try {
    const made = keptCredential(settings)
    if (made !== undefined) return { credential: made, isNew: false }
    const answer = await client.ask(
      {
        method: 'POST',
        path: '/enrol',
        body: Buffer.from(
          JSON.stringify({
            token,
            source_node_id: settings.source_node_id,
            service_id: settings.service_id,
            software: `${software.name}/${software.version}`,
            public_keys: settings.publicKeys,
          }),
        ),
      },
      signal,
    )
    const { node_id, credential } = answer
    if (typeof node_id !== 'string' || typeof credential !== 'string' || !/^fln_\S+$/.test(credential))
      throw answerFault(client.at, 'it enrolled this node and gave no credential')
    const enrolled = { node_id, credential, public_keys: settings.publicKeys }
    keepCredential(settings, enrolled, ids)
    return { credential: enrolled, isNew: true }
  } finally {
    lock.release()
  }
}

/**
 * Changes the credential for a new one: the fleet makes it, the file keeps it, and its first use ends the one before. Whoever is cut off in between
 * still has that one. What another process changed meanwhile is answered; undefined for a credential that was given, which only the operator can
 * change, and while another process is at it. Throws what the fleet answers, and `FLEET_CREDENTIAL`.
 */
export async function rotateCredential(
  settings: FleetSettings,
  client: FleetClient,
  inUse: FleetCredential,
  { ids, signal }: { readonly ids: Pick<IdSource, 'randomHex'>; readonly signal: AbortSignal },
): Promise<FleetCredential | undefined> {
  if (isGiven(settings.token)) return undefined
  const lock = acquireLock(`${settings.credentialFile}.lock`)
  if (lock === null) return undefined
  try {
    const kept = keptCredential(settings) ?? inUse
    if (kept.credential !== inUse.credential) return kept
    const answer = await client.ask(
      { method: 'POST', path: '/credential', credential: inUse.credential },
      signal,
    )
    const { credential } = answer
    if (typeof credential !== 'string' || !/^fln_\S+$/.test(credential))
      throw answerFault(client.at, 'it was asked for a new credential and gave none')
    const next = { ...kept, credential }
    keepCredential(settings, next, ids)
    return next
  } finally {
    lock.release()
  }
}

/**
 * Writes the credential's file, 0600, whole or not at all; durable when it returns. Of a credential that was given it keeps what belongs to it and
 * not itself, where there is a folder to keep it in.
 */
export function keepCredential(
  { credentialFile, token, url }: FleetSettings,
  credential: FleetCredential,
  ids: Pick<IdSource, 'randomHex'>,
): void {
  const draft = `${credentialFile}.${ids.randomHex(8)}.new`
  const about = isGiven(token) ? { ...credential, credential: '' } : credential
  const kept: KeptCredential = { ...about, url, token_hash: tokenHash(token) }
  try {
    const handle = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(handle, `${JSON.stringify(kept, null, 2)}\n`)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(draft, credentialFile)
    syncDirectory(dirname(resolve(credentialFile)))
  } catch (cause) {
    rmSync(draft, { force: true })
    // Whoever gave it may have given no place to write as well: it is learnt anew by the next process.
    if (isGiven(token)) return
    throw credentialFault(credentialFile, `cannot be written: ${systemCode(cause) ?? String(cause)}`, cause)
  }
}

/** Which token a credential came from, without telling it. */
const tokenHash = (token: string): string => hash('sha256', token, 'hex').slice(0, 32)

interface KeptCredential extends FleetCredential {
  readonly url: string
  readonly token_hash: string
}

function makeFolder(credentialFile: string): void {
  try {
    makeKeyFolder(dirname(resolve(credentialFile)))
  } catch (cause) {
    throw credentialFault(credentialFile, `has no folder: ${systemCode(cause) ?? String(cause)}`, cause)
  }
}

function readKept(path: string): KeptCredential | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw credentialFault(path, `cannot be read: ${systemCode(cause) ?? String(cause)}`, cause)
  }
  if (keyFileAccess(path)?.isWrittenByOthers === true) throw credentialFault(path, 'may be changed by others')
  const value = parsed(text)
  if (value !== undefined) return value
  throw credentialFault(path, 'does not hold what fasten writes there')
}

function parsed(text: string): KeptCredential | undefined {
  try {
    const value = readJson(text) as Partial<KeptCredential> | null
    const isKept =
      typeof value?.credential === 'string' &&
      typeof value.node_id === 'string' &&
      typeof value.token_hash === 'string' &&
      Array.isArray(value.public_keys)
    return isKept ? (value as KeptCredential) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function credentialFault(at: string, why: string, cause?: unknown): FastenError {
  return new FastenError('FLEET_CREDENTIAL', `the file of the fleet's credential ${why}`, {
    at,
    hint: 'give this user a key folder of its own (FASTEN_KEY_DIR), mode 0700; or delete the file and set a new token',
    ...(cause === undefined ? {} : { cause }),
  })
}
