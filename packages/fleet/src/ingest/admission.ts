// SPDX-License-Identifier: Apache-2.0
import { Problem } from '../web/problem.ts'

export interface AdmissionLimits {
  /** Bodies that this server takes at once. Each holds some megabytes and, while it stores, a connection. Default 8. */
  readonly runningMax?: number
  /** Of one node at once. Default 4: a service with three stores sends three, and one that is cut off half-way may try again before that is noticed. */
  readonly runningPerNodeMax?: number
  /** Requests of one node in a second, over some seconds. Default 20. */
  readonly ratePerNode?: number
}

/** Who may send a body now. One process's view: several servers each take as many. */
export interface Admission {
  /** Runs `work` in a free place. Throws Problem 429 `TOO_MANY_REQUESTS` and 503 `FLEET_BUSY`, before anything was read. */
  admit<T>(node_id: string, work: () => Promise<T>): Promise<T>
  /** Counts a request of a node that needs no place. Throws Problem 429 `TOO_MANY_REQUESTS`. */
  pace(node_id: string): void
  /** How long nodes are asked to wait before they send again; undefined while there is room. */
  pauseMs(): number | undefined
}

/** `now` is monotonic or not, in milliseconds. */
export function createAdmission(now: () => number, limits: AdmissionLimits = {}): Admission {
  const { runningMax = 8, runningPerNodeMax = 4, ratePerNode = 20 } = limits
  const running = new Map<string, number>()
  const buckets = new Map<string, { left: number; at: number }>()
  const burst = ratePerNode * 3
  let total = 0

  /** A bucket that fills by `ratePerNode` a second. Full ones say nothing and are forgotten. */
  function waitMs(node_id: string): number {
    const time = now()
    if (buckets.size > bucketsMax)
      for (const [id, { left }] of buckets) if (left >= burst - 1) buckets.delete(id)
    const bucket = buckets.get(node_id) ?? { left: burst, at: time }
    buckets.set(node_id, bucket)
    bucket.left = Math.min(burst, bucket.left + (Math.max(0, time - bucket.at) / 1000) * ratePerNode)
    bucket.at = time
    if (bucket.left < 1) return ((1 - bucket.left) / ratePerNode) * 1000
    bucket.left--
    return 0
  }

  function pace(node_id: string): void {
    const wait = waitMs(node_id)
    if (wait > 0) throw tooMany(Math.max(1, Math.ceil(wait / 1000)))
  }

  return {
    pace,
    async admit(node_id, work) {
      pace(node_id)
      const own = running.get(node_id) ?? 0
      if (own >= runningPerNodeMax) throw tooMany(1)
      if (total >= runningMax)
        throw new Problem(503, 'FLEET_BUSY', 'this fleet takes as much as it can at the moment', {
          retryAfterS: 2,
        })
      total++
      running.set(node_id, own + 1)
      try {
        return await work()
      } finally {
        total--
        const left = (running.get(node_id) ?? 1) - 1
        if (left === 0) running.delete(node_id)
        else running.set(node_id, left)
      }
    },
    pauseMs: () => (total * 4 >= runningMax * 3 ? 500 : undefined),
  }
}

const tooMany = (retryAfterS: number): Problem =>
  new Problem(429, 'TOO_MANY_REQUESTS', 'this node sends more than it may at once', { retryAfterS })

const bucketsMax = 10_000
