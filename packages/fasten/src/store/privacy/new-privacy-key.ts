// SPDX-License-Identifier: Apache-2.0
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { FastenError, systemCode } from '../../core/error.ts'
import { syncDirectory } from '../spool/layout.ts'
import { acquireLock } from '../spool/lock.ts'
import { keyBytes, type RandomBytes } from './key-ring.ts'

/**
 * Puts a new key in front of those in the key file; the older ones still open what they wrapped. The file is replaced as a whole and
 * durable when this returns; of two that do this at once, one is refused. Throws FastenError `PRIVACY_KEY_IO`.
 */
export function putNewPrivacyKey(path: string, random: RandomBytes): void {
  const failed = (why: string, cause?: unknown): FastenError =>
    new FastenError('PRIVACY_KEY_IO', `the key file cannot be changed: ${why}`, {
      at: path,
      hint: 'nothing was changed; run it again as the user whose file it is',
      ...(cause === undefined ? {} : { cause }),
    })
  const draft = `${path}.${Buffer.from(random(8)).toString('hex')}.new`
  try {
    const lock = acquireLock(`${path}-rotate`)
    if (lock === null) throw failed('somebody else is changing it')
    try {
      const key = Buffer.from(random(keyBytes)).toString('base64')
      const handle = openSync(draft, 'wx', 0o600)
      try {
        writeFileSync(handle, `${key}\n${readFileSync(path, 'utf8')}`)
        fsyncSync(handle)
      } finally {
        closeSync(handle)
      }
      renameSync(draft, path)
      syncDirectory(dirname(path))
    } finally {
      lock.release({ remove: true })
    }
  } catch (cause) {
    rmSync(draft, { force: true })
    throw cause instanceof FastenError ? cause : failed(systemCode(cause) ?? String(cause), cause)
  }
}
