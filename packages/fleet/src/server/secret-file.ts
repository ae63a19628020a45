// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { FastenError } from 'fasten'

/**
 * The 32 bytes in the file `secret` of the data directory, drawn on the first call. Two servers that start there at once agree on the one that
 * was there first. Throws FastenError `CONFIG_INVALID` for a file that holds something else.
 */
export function secretIn(dataDir: string): Buffer {
  mkdirSync(dataDir, { recursive: true, mode: 0o755 })
  const path = join(dataDir, 'secret')
  const own = `${path}-${process.pid}`
  writeFileSync(own, `${randomBytes(32).toString('hex')}\n`, { mode: 0o600 })
  try {
    linkSync(own, path)
  } catch (error) {
    // There is one already, which is what everybody uses.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(own)
  }
  const text = readFileSync(path, 'utf8').trim()
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new FastenError('CONFIG_INVALID', 'the file does not hold 64 hex characters', {
      at: path,
      hint: 'restore it from where the data directory was copied; without it this fleet cannot be opened',
    })
  return Buffer.from(text, 'hex')
}
