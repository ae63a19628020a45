// SPDX-License-Identifier: Apache-2.0
import { acceptRequestId, isRequestId, requestIdKind, type IdSource, type SentinelKind } from '../core/ids.ts'
import type { ActorKind, Method } from '../core/row.ts'
import { createSystemIds } from '../store/platform.ts'
import { currentContext, runWithContext, type RequestContext } from './context.ts'

let ids: IdSource | undefined
const source = (): IdSource => (ids ??= createSystemIds())

/** A new request id: 12 random lower-case hex characters. */
export const mintID = (): string => source().randomHex(6)

/**
 * An id for work outside any request: `<kind>-<service>-<12 hex>`, the service cut down to what an id may hold. `kind` is
 * `boot`, `sched`, `bg`, `lib`, `orphan` or `scheduler`; another one is a `TypeError`.
 */
export function mintSentinel(kind: SentinelKind, service = 'svc'): string {
  if (requestIdKind(`${kind}-`) !== kind)
    throw new TypeError(`"${kind as string}" is no kind of background work`)
  const name = service.replace(/[^A-Za-z0-9._:-]/g, '_').slice(0, 96) || 'svc'
  return `${kind}-${name}-${source().randomHex(6)}`
}

/**
 * Runs `work` under a request id; everything it starts inherits it. A missing, empty or malformed id is replaced by a minted
 * one, and what was malformed is kept in `inbound_request_id`. Returns what `work` returns.
 */
export function withRequestID<T>(id: string | null | undefined, work: () => T): T {
  // The caller is our own application: a sentinel it was given by `mintSentinel` or a queue is honoured here, not on the wire.
  const accepted =
    typeof id === 'string' && isRequestId(id) ? { request_id: id } : acceptRequestId(id ?? undefined)
  const context: RequestContext = {
    ...currentContext(),
    ...accepted,
    request_id: accepted.request_id ?? mintID(),
  }
  return runWithContext(context, work)
}

const howByKind: Partial<Record<SentinelKind, { method: Method; actor_kind: ActorKind }>> = {
  sched: { method: 'scheduler', actor_kind: 'scheduler' },
  scheduler: { method: 'scheduler', actor_kind: 'scheduler' },
}

/**
 * Runs `work` that no request asked for. Inside a request its id is kept; outside, a sentinel id of `kind` is minted, so that
 * the rows of one run still form a thread.
 */
export function background<T>(kind: SentinelKind, work: () => T, service?: string): T {
  if (currentContext() !== undefined) return work()
  return runWithContext({ request_id: mintSentinel(kind, service), ...howByKind[kind] }, work)
}
