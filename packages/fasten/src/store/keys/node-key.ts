// SPDX-License-Identifier: Apache-2.0
/**
 * The key of a node: Ed25519, as PKCS #8 in PEM, in a file that only its owner may read.
 *
 *   <folder>/.gitignore           where fasten made the folder: keys belong into no repository
 *   <folder>/node.key             the key in use
 *   <folder>/next.key             while `fasten key rotate` runs, and after it broke off: the key that comes next
 *   <folder>/archive/<id>.key     keys that were in use before
 *
 * The file appears whole or not at all: it is written and flushed under another name, and linked to its own, which fails when
 * somebody was faster. Of several processes that start at once, all then read the key of the fastest.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import type { IdSource } from '../../core/ids.ts'
import { ed25519Pair } from '../platform.ts'
import { syncDirectory } from '../spool/layout.ts'
import { makeKeyFolder } from './make-key-folder.ts'
import type { Signer } from './signer.ts'

/**
 * The key in the file at `path`. With `ids` it is made when it is not there: 0600 in a folder of 0700, durable when this returns,
 * and the same for everybody who starts at this moment. A file that is there is never written.
 *
 * Throws FastenError: `KEY_UNREADABLE`, `KEY_INVALID` when it holds no Ed25519 key, `KEY_PERMISSIONS` when others may change it,
 * `KEY_IO` when it cannot be made.
 */
export function openNodeKey(path: string, ids?: Pick<IdSource, 'randomHex'>): Signer {
  return signerOf(openNodeKeyPair(path, ids))
}

/** The same, for whoever signs on this thread. */
export function openNodeKeyPair(path: string, ids?: Pick<IdSource, 'randomHex'>): KeyPair {
  const text = readKeyFile(path)
  if (text !== undefined) return ed25519Pair(privateKeyOf(text, path))
  if (ids === undefined) {
    throw new FastenError('KEY_UNREADABLE', 'there is no key file', {
      at: path,
      hint: 'check the path; fasten makes a key only where it chose the place itself',
    })
  }
  writeKeyFile(path, newKeyText(), ids)
  const made = readKeyFile(path)
  if (made === undefined) throw keyIo(path, 'the key file vanished as it was made')
  return ed25519Pair(privateKeyOf(made, path))
}

type KeyPair = ReturnType<typeof ed25519Pair>

function signerOf({ publicKey, sign }: KeyPair): Signer {
  return { publicKey, sign: async (message) => sign(message) }
}

/** A new key as the text of its file. */
export function newKeyText(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
}

/**
 * The signer of a private key: PKCS #8 as PEM (line ends may be spelt `\n`, as environment files do) or as base64 of its DER bytes.
 * Throws FastenError `KEY_INVALID`, which names `at` and never quotes the text.
 */
export function parseNodeKey(text: string, at: string): Signer {
  return signerOf(ed25519Pair(privateKeyOf(text, at)))
}

/** Who but the owner may read or write the file; null where the system does not say (Windows) or there is no file. */
export function keyFileAccess(
  path: string,
): { readonly mode: number; readonly isReadByOthers: boolean; readonly isWrittenByOthers: boolean } | null {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined || process.platform === 'win32') return null
  const mode = stats.mode & 0o777
  return { mode, isReadByOthers: (mode & 0o044) !== 0, isWrittenByOthers: (mode & 0o022) !== 0 }
}

/** Writes a key file that must not be there yet; false when somebody was faster. Durable when it returns true. */
export function writeKeyFile(path: string, text: string, ids: Pick<IdSource, 'randomHex'>): boolean {
  const folder = dirname(resolve(path))
  const draft = `${path}.${ids.randomHex(8)}.new`
  try {
    const made = makeKeyFolder(folder)
    const handle = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    const isFirst = linkOnce(draft, path)
    rmSync(draft)
    syncDirectory(folder)
    // A folder that was made now is a name in the one above it.
    if (made !== undefined)
      for (let at = folder; at.length >= made.length; at = dirname(at)) syncDirectory(dirname(at))
    return isFirst
  } catch (cause) {
    rmSync(draft, { force: true })
    throw keyIo(path, `the key file cannot be made: ${systemCode(cause) ?? String(cause)}`, cause)
  }
}

function linkOnce(draft: string, path: string): boolean {
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false
    throw error
  }
}

function readKeyFile(path: string): string | undefined {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw new FastenError(
      'KEY_UNREADABLE',
      `the key file cannot be read: ${systemCode(cause) ?? String(cause)}`,
      {
        at: path,
        hint: 'let the user that runs this process own it (chmod 600), or name another with FASTEN_NODE_KEY_FILE',
        cause,
      },
    )
  }
  const access = keyFileAccess(path)
  if (access?.isWrittenByOthers === true) {
    throw new FastenError(
      'KEY_PERMISSIONS',
      `others may change the key file: its mode is ${access.mode.toString(8).padStart(4, '0')}`,
      { at: path, hint: `chmod 600 "${path}", after making sure that the key is still yours` },
    )
  }
  return text
}

function privateKeyOf(text: string, at: string): KeyObject {
  const written = text.trim().replaceAll('\\n', '\n')
  let key: KeyObject | undefined
  try {
    key = written.startsWith('-----BEGIN')
      ? createPrivateKey(written)
      : createPrivateKey({ key: Buffer.from(written, 'base64'), format: 'der', type: 'pkcs8' })
  } catch {
    // Whatever OpenSSL says of it could quote the key; that it is none is all there is to say.
    key = undefined
  }
  if (key?.asymmetricKeyType === 'ed25519') return key
  throw new FastenError(
    'KEY_INVALID',
    key === undefined
      ? 'this is no private key'
      : `this is a key for ${key.asymmetricKeyType ?? 'nothing'}, not for Ed25519`,
    { at, hint: 'write PKCS #8 as PEM; openssl genpkey -algorithm ed25519 makes one' },
  )
}

function keyIo(path: string, message: string, cause?: unknown): FastenError {
  return new FastenError('KEY_IO', message, {
    at: path,
    hint: 'give this user write access to a folder on a file system with hard links, name one with FASTEN_KEY_DIR, or give the key with FASTEN_NODE_KEY_FILE',
    ...(cause === undefined ? {} : { cause }),
  })
}
