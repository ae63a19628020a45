// SPDX-License-Identifier: Apache-2.0
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
import { dirname } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { syncDirectory } from '../spool/layout.ts'
import { createKeyRing, keyBytes, type KeyRing, type RandomBytes } from './key-ring.ts'
import { makeKeyFolder } from '../keys/make-key-folder.ts'

/** What is set of the tenant's key; the first that is there counts. */
export interface KeySettings {
  /** FASTEN_PRIVACY_KEY: one or more keys, the newest first. */
  readonly key: string | undefined
  /** FASTEN_PRIVACY_KEY_FILE: the same in a file, which must be there. */
  readonly keyFile: string | undefined
}

/**
 * The ring that is set, or that of the file at `path`, which is made when it is not there: 0600 in a folder of 0700, durable when
 * this returns, and the same for everybody who starts at this moment. With `random` null nothing is made: the answer is null then.
 *
 * Throws FastenError `PRIVACY_KEY_INVALID` for what is no key, `PRIVACY_KEY_IO` for a file that cannot be read or made, or that others
 * may change.
 */
export function openKeyRing(settings: KeySettings, path: string | null, random: RandomBytes): KeyRing | null {
  const { key, keyFile } = settings
  if (key !== undefined) return parseKeyRing(key, 'FASTEN_PRIVACY_KEY', random)
  if (keyFile !== undefined) return parseKeyRing(readKeys(keyFile) ?? missing(keyFile), keyFile, random)
  if (path === null) return null
  const there = readKeys(path)
  if (there !== undefined) return parseKeyRing(there, path, random)
  writeKeys(
    path,
    `${Buffer.from(random(keyBytes)).toString('base64')}\n`,
    Buffer.from(random(8)).toString('hex'),
  )
  return parseKeyRing(readKeys(path) ?? missing(path), path, random)
}

/** The ring that is there already, or null: for those who read and must make nothing. Throws as `openKeyRing` does. */
export function findKeyRing(settings: KeySettings, path: string | null, random: RandomBytes): KeyRing | null {
  const isSet = settings.key !== undefined || settings.keyFile !== undefined
  return isSet || (path !== null && readKeys(path) !== undefined) ? openKeyRing(settings, path, random) : null
}

/**
 * A ring from text: keys of 32 bytes as hex, base64 or base64url, separated by white space or commas, the newest first; lines that begin
 * with `#` are comments. Throws FastenError `PRIVACY_KEY_INVALID`, which never quotes the text.
 */
export function parseKeyRing(text: string, at: string, random: RandomBytes): KeyRing {
  const words = text
    .split('\n')
    .filter((line) => !line.trimStart().startsWith('#'))
    .join(' ')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
  const keys = words.map((word) =>
    /^[0-9a-fA-F]{64}$/.test(word) ? Buffer.from(word, 'hex') : Buffer.from(word, 'base64'),
  )
  if (keys.length > 0 && keys.every(({ length }) => length === keyBytes)) return createKeyRing(keys, random)
  throw new FastenError('PRIVACY_KEY_INVALID', `this is no key of ${keyBytes} bytes in hex or base64`, {
    at,
    hint: 'make one with: openssl rand -base64 32',
  })
}

function readKeys(path: string): string | undefined {
  try {
    const text = readFileSync(path, 'utf8')
    const isOpen = process.platform !== 'win32' && (statSync(path).mode & 0o077) !== 0
    if (!isOpen) return text
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined
    throw keyIo(path, 'read', cause)
  }
  throw new FastenError('PRIVACY_KEY_IO', 'others may read or change the key file', {
    at: path,
    hint: `chmod 600 "${path}", after making sure that the key is still yours alone`,
  })
}

function writeKeys(path: string, text: string, mark: string): void {
  const draft = `${path}.${mark}.new`
  try {
    makeKeyFolder(dirname(path))
    const handle = openSync(draft, 'wx', 0o600)
    try {
      writeFileSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    try {
      linkSync(draft, path)
    } catch (error) {
      // Somebody was faster; theirs is the key then.
      if (systemCode(error) !== 'EEXIST') throw error
    }
    rmSync(draft)
    syncDirectory(dirname(path))
  } catch (cause) {
    rmSync(draft, { force: true })
    throw keyIo(path, 'made', cause)
  }
}

function missing(path: string): never {
  throw keyIo(path, 'read', 'there is no such file')
}

function keyIo(path: string, doing: string, cause: unknown): FastenError {
  return new FastenError(
    'PRIVACY_KEY_IO',
    `the key file cannot be ${doing}: ${systemCode(cause) ?? String(cause)}`,
    {
      at: path,
      hint: 'give this user access, name another folder with FASTEN_KEY_DIR, or give the key with FASTEN_PRIVACY_KEY',
      cause,
    },
  )
}
