// SPDX-License-Identifier: Apache-2.0
import { ChildProcess } from 'node:child_process'
import { currentContext } from '../../context.ts'
import { instrumentOnce, patchMethod } from '../patch.ts'
import { childEnvironment } from './environment.ts'
import { instrumentIpc, type IpcEnd } from './ipc.ts'

const known = new WeakMap<object, () => void>()

/** What Node.js is asked with for each new process, whichever function began it. */
interface SpawnOptions {
  readonly envPairs?: readonly string[] | null
}

/**
 * Makes every process that is started from now on (spawn, exec, execFile, fork, cluster) inherit the ids of the work that starts it in its
 * environment, and lets messages between parent and child carry them, when both call this. The synchronous functions (execSync and the like) are
 * out of reach: hand them `childEnvironment()`. A second call changes nothing. Answers a function that takes it out again.
 */
export function instrumentChildProcess(): () => void {
  return instrumentOnce(known, ChildProcess, () => {
    const { prototype } = ChildProcess as unknown as {
      prototype: IpcEnd & { spawn(options: SpawnOptions): unknown }
    }
    const undos = [
      patchMethod(
        prototype,
        'spawn',
        (spawn) =>
          function (this: IpcEnd, options: SpawnOptions) {
            const result = spawn.call(this as typeof prototype, withIds(options))
            if (typeof this.send === 'function') instrumentIpc(this)
            return result
          },
      ),
    ]
    if (typeof process.send === 'function') undos.push(instrumentIpc(process))
    return undos
  })
}

function withIds(options: SpawnOptions): SpawnOptions {
  if (currentContext() === undefined || !Array.isArray(options?.envPairs)) return options
  const pairs = (options.envPairs as readonly string[]).map((pair): [string, string] => {
    // Windows has variables that begin with an equals sign.
    const equals = pair.indexOf('=', 1)
    return [pair.slice(0, equals), pair.slice(equals + 1)]
  })
  const env = childEnvironment(Object.fromEntries(pairs))
  return { ...options, envPairs: Object.entries(env).map(([name, value]) => `${name}=${value ?? ''}`) }
}
