// SPDX-License-Identifier: Apache-2.0
import { readEnvFile } from '../env-file.ts'
import { startWhereToldTo } from '../init.ts'
import { instrumentFetch, instrumentHttp } from '../shims/http/outbound.ts'
import { instrumentChildProcess } from '../shims/process/child-process.ts'
import { instrumentWorkerThreads, takePort } from '../shims/process/threads.ts'
import { readChoice } from './choice.ts'
import { leaveStdout } from '../stdout.ts'
import { knownModules, stdioModules } from './known.ts'
import { onModules } from './module-hook.ts'
import { isNoApplication } from './no-application.ts'
import { pinPreload } from './pin-preload.ts'
import { instrumentServers } from './servers.ts'

/**
 * Starts fasten from the environment, unless it runs already, and instruments what the application will load. Where no `FASTEN_AUDIT_DSN` says where
 * rows go, none are kept until the application calls `init` itself; a warning says so, and the ids travel all the same: a flag in
 * `NODE_OPTIONS` reaches programs that nobody thought of, and each would leave a database where it happens to run. Leaves package managers alone; `url` is
 * what children are told to preload.
 *
 * Throws `CONFIG_INVALID`, `REGISTER_UNSUPPORTED` and what `init` throws: an application that was asked to leave rows does not start without them.
 */
export function install(variables: Readonly<Record<string, string | undefined>>, url: string): void {
  takePort()
  pinPreload(url)
  if (isNoApplication(process.argv[1] ?? '')) return
  const envFile = variables['FASTEN_ENV_FILE'] ?? ''
  const env = envFile === '' ? variables : { ...readEnvFile(envFile), ...variables }
  const choice = readChoice(env, knownModules)
  const chosen = knownModules.filter(({ name }) => choice.has(name))
  const bySpecifier = new Map(
    chosen.flatMap((known) => known.specifiers.map((specifier) => [specifier, known] as const)),
  )
  const wanted = new Map([...stdioModules.map((specifier) => [specifier, {}] as const), ...bySpecifier])
  onModules(wanted, (specifier, exports) => {
    if (stdioModules.includes(specifier)) return leaveStdout()
    try {
      bySpecifier.get(specifier)?.instrument(exports, { records: choice.recordsMessages })
    } catch (error) {
      // Another version of the library than those we know: the application runs on without its ids, and says so.
      warn(`${specifier} could not be instrumented: ${String(error)}`, 'FASTEN_NOT_INSTRUMENTED')
    }
  })
  if (!startWhereToldTo())
    warn(
      'FASTEN_AUDIT_DSN is not set: ids are passed on, but no rows are kept unless the application calls fasten.init()',
      'FASTEN_NO_STORE',
    )
  // After the thread that stores our own rows was started: it is nobody's.
  if (choice.has('http')) instrumentServers()
  if (choice.has('process')) {
    instrumentWorkerThreads()
    instrumentChildProcess()
  }
  if (choice.hosts.length > 0) {
    instrumentFetch({ hosts: choice.hosts })
    instrumentHttp({ hosts: choice.hosts })
  }
}

function warn(message: string, code: string): void {
  process.emitWarning(message, { type: 'FastenWarning', code })
}
