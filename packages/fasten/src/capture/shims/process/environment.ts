// SPDX-License-Identifier: Apache-2.0
import { getEnvironmentData } from 'node:worker_threads'
import { carry, contextOf, type Carried, type Carrier } from '../../carriers/carrier.ts'
import { createHeaderCarrier } from '../../carriers/header-carrier.ts'
import { processEnv } from '../../config.ts'
import { currentContext, runWithContext, type RequestContext } from '../../context.ts'
import { noteCarrier, noteOf } from './note.ts'

/** Variables of a process, as `spawn` takes them. */
export type Environment = Readonly<Record<string, string | undefined>>

/** The variable of each header; those of W3C under the names that OpenTelemetry gives them. */
const variables: Readonly<Record<string, string>> = {
  'x-request-id': 'FASTEN_REQUEST_ID',
  'x-caused-by': 'FASTEN_CAUSED_BY',
  traceparent: 'TRACEPARENT',
  tracestate: 'TRACESTATE',
  baggage: 'BAGGAGE',
}

/** The ids in the environment of a process. */
export const environmentCarrier: Carrier<Environment> = createHeaderCarrier<Environment>({
  name: 'environment',
  method: 'process',
  get: (env, name) => env[variables[name] ?? name],
  set: (env, name, value) => ({ ...env, [variables[name] ?? name]: value }),
})

/**
 * The environment for a child of the work in progress: `execFileSync('report', { env: childEnvironment() })`. What `env` inherited from this
 * process's own parent gives way, what was put there on purpose stays. Outside any request it is `env` unchanged, by default that of this process.
 */
export function childEnvironment(env: Environment = processEnv()): Environment {
  if (currentContext() === undefined) return env
  const inherited = processEnv()
  const rest = { ...env }
  for (const name of Object.values(variables)) if (rest[name] === inherited[name]) delete rest[name]
  return carry(environmentCarrier, rest)
}

/** Where an instrumented parent leaves what a worker thread was started for; see threads.ts. */
export const startKey = 'fasten.start'

/**
 * The context of what this process or thread was started for, when its parent said so; undefined otherwise. A parent that may set our variables is
 * trusted with ids of background work.
 */
export function startContext(): RequestContext | undefined {
  const left = noteOf(getEnvironmentData(startKey))
  const fromThread = noteCarrier.extract(noteOf(left['note']))
  const carried: Carried =
    fromThread.request_id === undefined ? environmentCarrier.extract(processEnv()) : fromThread
  if (carried.request_id === undefined && carried.traceparent === undefined) return undefined
  return contextOf({ ...noteCarrier, extract: () => carried }, {}, { trustsSentinels: true })
}

/**
 * Runs `work` as what this process or thread was started for: in the context its parent gave, else in the one at hand. Returns what `work`
 * returns.
 */
export function runAsStarted<Result>(work: () => Result): Result {
  const context = startContext()
  return context === undefined ? work() : runWithContext(context, work)
}
