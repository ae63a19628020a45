// SPDX-License-Identifier: Apache-2.0
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { constants } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { root as repository } from './root.mjs'
import { SetupFailure } from './setup-failure.mjs'

/** Runs TypeScript without a build and carries a SQLite without the WAL-reset bug. */
const majorMin = 24

/**
 * The Node.js that this repository is developed with: `FASTEN_DEV_NODE` when set, else the running one when new enough, else
 * the one that npm installed beside our dependencies. Answers its path; the running one's is `process.execPath`.
 *
 * @param {string} root
 * @param {{ chosen?: string | undefined, running?: string, runningPath?: string }} [about]
 */
export function rightNode(root, about = {}) {
  const {
    chosen = process.env['FASTEN_DEV_NODE'],
    running = process.versions.node,
    runningPath = process.execPath,
  } = about
  if (chosen !== undefined && chosen !== '') {
    const version = versionOf(chosen)
    if (version === undefined || majorOf(version) < majorMin)
      throw new SetupFailure(
        `FASTEN_DEV_NODE is '${chosen}', which ${version === undefined ? 'does not run' : `is Node.js ${version}`}`,
        `point it at Node.js ${majorMin} or newer, or unset it`,
      )
    return chosen
  }
  if (majorOf(running) >= majorMin) return runningPath
  for (const candidate of installedNodes(root)) {
    const version = existsSync(candidate) ? versionOf(candidate) : undefined
    if (version !== undefined && majorOf(version) >= majorMin) return candidate
  }
  throw new SetupFailure(
    `this is Node.js ${running} on ${process.platform}-${process.arch}, and no Node.js ${majorMin} came with the dependencies`,
    `install Node.js ${majorMin} or newer and run the command with it, or name it in FASTEN_DEV_NODE`,
  )
}

/**
 * Runs this program again with another Node.js and ends as it ended. That Node.js comes first on the child's PATH, so
 * programs it starts by the name `node` agree with it.
 *
 * @param {string} node
 * @param {readonly string[]} args
 * @param {AbortSignal} [deadline] when it aborts, the child and what it started are told to end
 */
export async function runWith(node, args, deadline) {
  const path = `${dirname(node)}${delimiter}${process.env['PATH'] ?? ''}`
  // The choice is made: without FASTEN_DEV_NODE the child cannot choose again, even when that was a wrapper script.
  const { FASTEN_DEV_NODE: _made, ...environment } = process.env
  // Compiled once instead of in each of some hundred processes: starting from source takes a quarter of the time.
  const compiled = join(repository, '.cache/compiled')
  const env = { NODE_COMPILE_CACHE: compiled, ...environment, PATH: path }
  const child = spawn(node, args, { stdio: 'inherit', env })
  const forward = (/** @type {NodeJS.Signals} */ signal) => {
    // On a terminal Ctrl-C reaches the whole group, the child included; telling it twice would look like impatience.
    if (signal === 'SIGINT' && process.stdin.isTTY) return
    child.kill(signal)
  }
  deadline?.addEventListener('abort', () => child.kill('SIGTERM'))
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) process.on(signal, forward)
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGTERM']))
  })
}

/** @param {string} root */
function installedNodes(root) {
  const names = [
    `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ]
  const file = process.platform === 'win32' ? 'node.exe' : 'node'
  return names.map((name) => join(root, 'node_modules', name, 'bin', file))
}

/** @param {string} path */
function versionOf(path) {
  const result = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return result.status === 0 ? /^v(\d+\.\d+\.\d+)/.exec(result.stdout)?.[1] : undefined
}

/** @param {string} version */
function majorOf(version) {
  return Number(version.split('.')[0])
}
