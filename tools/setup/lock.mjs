// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * Runs `work` while no other process of this machine runs work under the same folder name. A folder is the lock, because
 * making one either succeeds or fails, never half. A holder that died is noticed by its process id and its lock is taken over.
 *
 * @template T
 * @param {string} path the folder that stands for the lock
 * @param {{ onWait?: (holder: number | undefined) => void, pollMs?: number }} options
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withLock(path, options, work) {
  mkdirSync(dirname(path), { recursive: true })
  let hasWaited = false
  while (!take(path)) {
    const holder = holderOf(path)
    if (isAbandoned(path, holder)) {
      discard(path, holder)
      continue
    }
    if (!hasWaited) options.onWait?.(holder)
    hasWaited = true
    await sleep(options.pollMs ?? 200)
  }
  const release = () => rmSync(path, { recursive: true, force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    process.off('exit', release)
    release()
  }
}

/** @param {string} path */
function take(path) {
  try {
    mkdirSync(path)
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  writeFileSync(join(path, 'pid'), String(process.pid))
  return true
}

/** @param {string} path */
function holderOf(path) {
  try {
    const pid = Number(readFileSync(join(path, 'pid'), 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch (error) {
    // Between the folder and its pid file there is a moment with neither; after release there is no folder at all.
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * @param {string} path
 * @param {number | undefined} holder
 */
function isAbandoned(path, holder) {
  if (holder !== undefined) return !isAlive(holder)
  try {
    return Date.now() - statSync(path).mtimeMs > 10_000
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // EPERM means that it lives and belongs to somebody else.
    return codeOf(error) !== 'ESRCH'
  }
}

/**
 * Renames first, so that of several who noticed only one removes it, and looks again at what it got hold of: if somebody
 * took the lock over in between, it is handed back.
 *
 * @param {string} path
 * @param {number | undefined} holder
 */
function discard(path, holder) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  if (holderOf(aside) === holder) rmSync(aside, { recursive: true, force: true })
  else renameSync(aside, path)
}

/** @param {unknown} error */
function codeOf(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
