// SPDX-License-Identifier: Apache-2.0
/**
 * Replaces the key of a node.
 *
 *   next.key is written      broken off here: it is used when the command runs again
 *   each log gets its row    broken off here: logs that name the next key already are passed over
 *   each log is signed       with the next key, rotation row included
 *   the old key is archived
 *   next.key becomes node.key   running processes sign with it from their next checkpoint on
 */
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../../core/clock.ts'
import { FastenError, systemCode } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { rotationText, type Rotation } from '../../core/log-keys.ts'
import { logName, parseLogName } from '../../core/log-name.ts'
import { hexOf } from '../../core/octets.ts'
import { signatureLine } from '../../core/signature-line.ts'
import { formatVerifierKey, verifierKey } from '../../core/verifier-key.ts'
import { noteCrypto, sha256 } from '../platform.ts'
import type { Store } from '../ports.ts'
import { createSealer, type Sealed } from '../seal/sealer.ts'
import { syncDirectory } from '../spool/layout.ts'
import { newKeyText, openNodeKey, writeKeyFile } from './node-key.ts'
import type { SealedMemory } from './sealed-memory.ts'
import type { Signer } from './signer.ts'

export interface RotatedLog {
  readonly log: string
  /** The key from now on, as text. */
  readonly key: string
}

export interface RotateOptions {
  readonly old: Signer
  readonly next: Signer
  /** The old key is in wrong hands: whoever verifies is told to believe nothing that only it signed from here on. */
  readonly isRevoked: boolean
  readonly memory: SealedMemory | null
  readonly clock: Clock
  readonly tableOf: (log: string) => string
}

/**
 * Each log of the store that names the old key has a `KEY_ROTATED` row whose statement both keys signed, and a checkpoint of the next key
 * over it. Logs that have it already are only signed. Safe to run again after it broke off.
 */
export async function rotateLogs(store: Store, options: RotateOptions): Promise<readonly RotatedLog[]> {
  const { seals } = store
  if (seals === undefined) return []
  const nextHex = hexOf(options.next.publicKey)
  const done = new Set((await seals.declaring(nextHex)).map(({ log }) => log))
  const rotated: RotatedLog[] = []
  for (const { log } of await seals.declaring(hexOf(options.old.publicKey))) {
    const rotation: Rotation = {
      log,
      old: verifierKey(log, 'ed25519', options.old.publicKey, sha256),
      next: verifierKey(log, 'ed25519', options.next.publicKey, sha256),
      isRevoked: options.isRevoked,
    }
    const key = formatVerifierKey(rotation.next)
    if (!done.has(log)) {
      const facts = {
        old_public_key: formatVerifierKey(rotation.old),
        public_key: key,
        ...(options.isRevoked ? { revoked: true } : {}),
        statement: await signedBoth(rotation, options),
      }
      const severity = options.isRevoked ? 'critical' : 'warn'
      await seals.appendOwn(baseOf(log), { code: 'KEY_ROTATED', facts, severity }, nextHex)
    }
    rotated.push({ log, key })
  }
  await signWithNext(store, options)
  return rotated
}

/** The key that comes next, from its file, which is made now unless an earlier try has left it. */
export function prepareNextKey(keyFile: string, ids: Pick<IdSource, 'randomHex'>): Signer {
  const path = nextPath(keyFile)
  if (!existsSync(path)) writeKeyFile(path, newKeyText(), ids)
  return openNodeKey(path)
}

/** Archives the key in use and puts the next one in its place; durable when it returns. */
export function takeNextKey(keyFile: string, old: Signer, ids: Pick<IdSource, 'randomHex'>): string {
  const folder = dirname(resolve(keyFile))
  const archived = join(folder, 'archive', `${hexOf(old.publicKey).slice(0, 16)}.key`)
  try {
    mkdirSync(dirname(archived), { recursive: true, mode: 0o700 })
    writeKeyFile(archived, readFileSync(keyFile, 'utf8'), ids)
    renameSync(nextPath(keyFile), keyFile)
    syncDirectory(folder)
    return archived
  } catch (cause) {
    throw new FastenError(
      'KEY_IO',
      `the next key cannot take its place: ${systemCode(cause) ?? String(cause)}`,
      {
        at: keyFile,
        hint: 'mend the permissions of the folder and run fasten key rotate again; it goes on where it broke off',
        cause,
      },
    )
  }
}

const nextPath = (keyFile: string): string => join(dirname(resolve(keyFile)), 'next.key')

async function signedBoth(rotation: Rotation, { old, next }: RotateOptions): Promise<string> {
  const text = rotationText(rotation)
  const bytes = new TextEncoder().encode(text)
  const lines = [
    signatureLine(rotation.old, await old.sign(bytes)),
    signatureLine(rotation.next, await next.sign(bytes)),
  ]
  return `${text}\n${lines.join('')}`
}

async function signWithNext(
  store: Store,
  { next, memory, clock, tableOf }: RotateOptions,
): Promise<readonly Sealed[]> {
  const sealer = createSealer({
    store: async () => store,
    signing: { signer: () => next, memory },
    crypto: noteCrypto,
    clock,
    tableOf,
    heartbeatMs: 0,
    onFailure: () => {},
    onSealed: () => {},
  })
  try {
    return await sealer.sealNow()
  } finally {
    await sealer.stop()
  }
}

function baseOf(log: string): string {
  const parts = parseLogName(log)
  return parts === undefined ? log : logName({ ...parts, generation: 1 })
}
