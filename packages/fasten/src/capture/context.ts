// SPDX-License-Identifier: Apache-2.0
import { AsyncLocalStorage } from 'node:async_hooks'
import type { ActorKind, Method, Source } from '../core/row.ts'
import { traceBridge } from './trace-bridge.ts'

/** What a shim knows about the work in progress; emit and log fill their anchors from it. */
export interface RequestContext {
  readonly request_id: string
  readonly inbound_request_id?: string
  readonly trace_id?: string
  readonly span_id?: string
  /** Bits of the inbound `traceparent`; passed on, not written into rows. */
  readonly trace_flags?: number
  /** The sender's span, as the inbound `traceparent` names it; for other tracers, not written into rows. */
  readonly parent_span_id?: string
  /** The inbound W3C lists; passed on unchanged, not written into rows. */
  readonly tracestate?: string
  readonly baggage?: string
  readonly caused_by?: string
  readonly tenant_id?: string
  readonly method?: Method
  readonly source?: Source
  readonly actor?: string
  readonly actor_kind?: ActorKind
  readonly on_behalf_of?: string
  readonly auth_method?: string
  readonly session_id?: string
}

const storage = new AsyncLocalStorage<RequestContext>()

/** The context of the work in progress, or undefined outside any. Where only another tracer knows of the work, what that one says. */
export function currentContext(): RequestContext | undefined {
  return storage.getStore() ?? traceBridge()?.ambientContext()
}

/** The same without asking the other tracer. */
export const ownContext = (): RequestContext | undefined => storage.getStore()

/** The id of the request in progress, or null outside any. */
export function currentRequestID(): string | null {
  return currentContext()?.request_id ?? null
}

/**
 * Runs `work` in `context`; everything it starts, awaits or schedules inherits it. Returns what `work` returns. `values` are
 * handed to `work`, which saves a closure where one would be made for each request.
 */
export function runWithContext<T, Values extends unknown[]>(
  context: RequestContext,
  work: (...values: Values) => T,
  ...values: Values
): T {
  return traceBridge() === undefined
    ? storage.run(context, work, ...values)
    : storage.run(context, runBridged, context, work, values)
}

/** Apart from the function above, which would otherwise keep its values for a closure that nobody asks for. */
function runBridged<T, Values extends unknown[]>(
  context: RequestContext,
  work: (...values: Values) => T,
  values: Values,
): T {
  const bridge = traceBridge()
  return bridge?.isUnknown(context) === true ? bridge.enter(context, () => work(...values)) : work(...values)
}

/** Runs `work` in the current context with `members` laid over it; a no-op when there is no current context. */
export function extendContext<T>(members: Partial<RequestContext>, work: () => T): T {
  const context = currentContext()
  return context === undefined ? work() : storage.run({ ...context, ...members }, work)
}
