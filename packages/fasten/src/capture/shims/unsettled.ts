// SPDX-License-Identifier: Apache-2.0
import type { MessageRow } from '../carriers/message-row.ts'

/** What became of a delivery: done; to be tried again; given up, in the transport's own word; or nobody ever said. */
export type Outcome = 'acked' | 'requeued' | 'nacked' | 'rejected' | 'terminated' | 'never_settled'

/** The rows of deliveries that are open: whoever got them has neither taken nor refused them yet. */
export interface Unsettled<Key> {
  /** Runs the handler of a delivery, whose row ends by `settle`, which may be long after the handler is done. Ends as `work` does. */
  run<Result>(key: Key, row: MessageRow | undefined, work: () => Result): Result
  settle(key: Key, outcome: Outcome): void
  /** Settles those for which `concerns` says true. */
  settleAll(outcome: Outcome, concerns?: (key: Key) => boolean): void
}

const statusOf: Readonly<Record<Outcome, number>> = {
  acked: 200,
  requeued: 503,
  nacked: 500,
  rejected: 500,
  terminated: 500,
  never_settled: 500,
}

/**
 * Rows that end as their delivery is settled, with status 200 (acked), 503 (`requeued`) or 500, and the outcome as `error`. A
 * handler that failed and acked all the same has its failure there. A delivery of a key that is open already ends the one before as
 * never settled, and so does the one after the `openMax`-th end the oldest: nobody will settle those.
 */
export function createUnsettled<Key>(openMax = 10_000): Unsettled<Key> {
  const open = new Map<Key, { readonly row: MessageRow; failure?: unknown }>()
  const settle = (key: Key, outcome: Outcome): void => {
    const delivery = open.get(key)
    if (delivery === undefined) return
    open.delete(key)
    const { row, failure } = delivery
    row.end({ status: statusOf[outcome], ...(outcome === 'acked' ? { failure } : { error: outcome }) })
  }
  return {
    settle,
    settleAll(outcome, concerns = () => true) {
      for (const key of open.keys()) if (concerns(key)) settle(key, outcome)
    },
    run<Result>(key: Key, row: MessageRow | undefined, work: () => Result): Result {
      if (row === undefined) return work()
      settle(key, 'never_settled')
      const delivery: { readonly row: MessageRow; failure?: unknown } = { row }
      open.set(key, delivery)
      const [oldest] = open.keys()
      if (open.size > openMax && oldest !== undefined) settle(oldest, 'never_settled')
      try {
        const result = work()
        if (!(result instanceof Promise)) return result
        // Derived, so that a rejection nobody handles stays unhandled.
        return result.catch((failure: unknown) => {
          delivery.failure = failure
          throw failure
        }) as Result
      } catch (failure) {
        delivery.failure = failure
        throw failure
      }
    },
  }
}
