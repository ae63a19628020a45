// SPDX-License-Identifier: Apache-2.0
import { contextOf, carriedNow, type Carried, type Carrier } from '../../carriers/carrier.ts'
import { currentContext, type RequestContext } from '../../context.ts'
import { recordRunRow, type RunFields } from './run-row.ts'
import type { RunShim } from './run-options.ts'

/** Who asked for a run. */
export interface Origin {
  /** The asking request's trace, baggage and `caused_by`; its request id where the run keeps it. */
  readonly context: RequestContext
  /** The asking request's id, where one came that may be used. */
  readonly enqueuedBy: string | undefined
}

/**
 * What a message says of who asked for the run it brings. A run that is to keep the asking request's id takes none that poses as background
 * work; one with an id of its own names whoever asked, a run among them.
 */
export function originOf<Message>(shim: RunShim, carrier: Carrier<Message>, message: Message): Origin {
  const context = contextOf(carrier, message, { trustsSentinels: !shim.keepsRequestId })
  const { request_id } = carrier.extract(message)
  return { context, enqueuedBy: context.request_id === request_id ? request_id : undefined }
}

/** The context of a run, or of one that was skipped. */
export function runContext(shim: RunShim, runId: string, origin: Origin | undefined): RequestContext {
  return {
    ...origin?.context,
    method: shim.method,
    actor_kind: 'scheduler',
    ...shim.context,
    request_id: shim.keepsRequestId ? (origin?.enqueuedBy ?? runId) : runId,
  }
}

/**
 * The work in progress asks for a job: leaves `job_enqueued` in it, and answers what the job is to carry: the ids, and that row as what caused it.
 */
export function enqueue(shim: RunShim, fields: RunFields): Carried {
  const caused_by = recordRunRow(shim, 'job_enqueued', fields)
  return { ...carriedNow(), ...(caused_by === undefined ? {} : { caused_by }) }
}

/** The same for a job that stays in this process. Outside any request nobody asked, and nothing is left. */
export function enqueueHere(shim: RunShim, fields: RunFields): Origin | undefined {
  const asking = currentContext()
  if (asking === undefined) return undefined
  const { tenant_id } = asking
  const { context, enqueuedBy } = originOf(shim, memory, enqueue(shim, fields))
  return { context: tenant_id === undefined ? context : { ...context, tenant_id }, enqueuedBy }
}

/** A message that never leaves the process. */
const memory: Carrier<Carried> = {
  name: 'memory',
  method: 'scheduler',
  extract: (message) => message,
  inject: (message, carried) => ({ ...carried, ...message }),
}
