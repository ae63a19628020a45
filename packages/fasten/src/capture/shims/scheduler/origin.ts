// SPDX-License-Identifier: Apache-2.0
import { requestIdKind } from '../../../core/ids.ts'
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
 * What a message says of who asked for the run it brings: a request, or another run.
 */
export function originOf<Message>(carrier: Carrier<Message>, message: Message): Origin {
  const context = contextOf(carrier, message, { trustsSentinels: true })
  const { request_id } = carrier.extract(message)
  return { context, enqueuedBy: context.request_id === request_id ? request_id : undefined }
}

/** The context of a run, or of one that was skipped. No run takes an id that stands for background work: its rows would lie among those of that work. */
export function runContext(shim: RunShim, runId: string, origin: Origin | undefined): RequestContext {
  const asking = origin?.enqueuedBy
  const keeps = shim.keepsRequestId && asking !== undefined && requestIdKind(asking) === 'request'
  return {
    ...origin?.context,
    method: shim.method,
    actor_kind: 'scheduler',
    ...shim.context,
    request_id: keeps ? asking : runId,
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
  const { context, enqueuedBy } = originOf(memory, enqueue(shim, fields))
  return { context: tenant_id === undefined ? context : { ...context, tenant_id }, enqueuedBy }
}

/** A message that never leaves the process. */
const memory: Carrier<Carried> = {
  name: 'memory',
  method: 'scheduler',
  extract: (message) => message,
  inject: (message, carried) => ({ ...carried, ...message }),
}
