// SPDX-License-Identifier: Apache-2.0
import { currentFasten, init } from '../init.ts'
import { instrumentFetch, instrumentHttp } from '../shims/http/outbound.ts'
import { readChoice } from './choice.ts'
import { leaveStdout } from '../stdout.ts'
import { knownModules, stdioModules } from './known.ts'
import { onModules } from './module-hook.ts'
import { instrumentServers } from './servers.ts'

/**
 * Starts fasten from the environment, unless it runs already, and instruments what the application will load. Throws `CONFIG_INVALID`,
 * `REGISTER_UNSUPPORTED` and what `init` throws: an application that was asked to leave rows does not start without them.
 */
export function install(env: Readonly<Record<string, string | undefined>>): void {
  // NODE_OPTIONS reaches every thread; the one that stores our rows needs none of this.
  if (/[\\/]drain-worker\.[jt]s$/.test(process.argv[1] ?? '')) return
  const choice = readChoice(
    env,
    knownModules.map(({ name }) => name),
  )
  if (currentFasten() === undefined) init()
  if (choice.has('http')) instrumentServers()
  if (choice.hosts.length > 0) {
    instrumentFetch({ hosts: choice.hosts })
    instrumentHttp({ hosts: choice.hosts })
  }
  const chosen = knownModules.filter(({ name }) => choice.has(name))
  const bySpecifier = new Map(
    chosen.flatMap((known) => known.specifiers.map((specifier) => [specifier, known])),
  )
  onModules(new Set([...bySpecifier.keys(), ...stdioModules]), (specifier, exports) => {
    if (stdioModules.includes(specifier)) return leaveStdout()
    try {
      bySpecifier.get(specifier)?.instrument(exports, { records: choice.recordsMessages })
    } catch (error) {
      // Another version of the library than those we know: the application runs on without its ids, and says so.
      process.emitWarning(`${specifier} could not be instrumented: ${String(error)}`, {
        type: 'FastenWarning',
        code: 'FASTEN_NOT_INSTRUMENTED',
      })
    }
  })
}
