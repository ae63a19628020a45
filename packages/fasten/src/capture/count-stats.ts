// SPDX-License-Identifier: Apache-2.0
import type { Config } from './config.ts'
import { fleetStats } from './fleet-stats.ts'
import type { OpenLane } from './open-lane.ts'
import type { NewsStanding } from './own-news.ts'
import type { Stats } from './stats.ts'
import type { OutboxWatch } from './transaction/watch.ts'
import type { UndeclaredPersonal } from './undeclared-personal.ts'

/** What of an instance is counted. */
export interface CountedParts {
  readonly config: Config
  readonly opened: readonly OpenLane[]
  readonly rings: Readonly<Record<'sys' | 'api', { readonly size: number }>>
  readonly watch: OutboxWatch
  readonly undeclared: UndeclaredPersonal
  /** Times that each code was used without being registered. */
  readonly unregistered: ReadonlyMap<string, number>
  readonly refusedByCode: ReadonlyMap<string, number>
  readonly standing: NewsStanding
}

/** The counts of an instance as they are now, summed over its lanes. */
export function countStats({
  config,
  opened,
  rings,
  watch,
  undeclared,
  unregistered,
  refusedByCode,
  standing,
}: CountedParts): Stats {
  const sum = {
    accepted: 0,
    held: 0,
    refused: 0,
    stored: 0,
    quarantined: 0,
    spoolBytes: 0,
    highWaterRows: 0,
  }
  let [retries, backoffMs] = [0, 0]
  let [checkpoints, failures] = [0, 0]
  const shipped = opened.filter(({ isShipped }) => isShipped).map(({ drainer }) => drainer.shared.shipping)
  for (const { lane, drainer } of opened) {
    checkpoints += drainer.shared.checkpoints
    failures += drainer.shared.sealFailures
    const counts = lane.counts()
    for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += counts[name]
    retries = Math.max(retries, drainer.shared.failures)
    backoffMs = Math.max(backoffMs, drainer.shared.backoffMs)
  }
  const spooled = sum.accepted - sum.stored - sum.quarantined
  return {
    emitted: sum.accepted + sum.held + sum.refused,
    accepted: sum.accepted,
    held: sum.held,
    refused: sum.refused,
    stored: sum.stored,
    spooled,
    quarantined: sum.quarantined,
    spool_bytes: sum.spoolBytes,
    retry_count: retries,
    in_backoff_seconds: backoffMs / 1000,
    last_error: standing.lastError,
    checkpoints,
    checkpoint_failures: failures,
    swept_rows: standing.sweptRows,
    fleet: config.fleet === undefined ? null : fleetStats(shipped, standing.fleetError),
    transactional: watch.counts(),
    queue_stats: {
      depth: spooled,
      capacity: config.spoolBytesMax,
      capacity_semantics: 'bytes',
      high_water: sum.highWaterRows,
      drained_total: sum.stored,
      retry_count_active: retries,
      in_backoff_seconds: backoffMs / 1000,
      last_error: standing.storeError,
      dead_lettered_total: sum.quarantined,
      dead_letter_depth: sum.quarantined,
    },
    unregistered: [...unregistered.values()].reduce((total, times) => total + times, 0),
    refused_by_code: Object.fromEntries(refusedByCode),
    undeclared_personal: undeclared.counts(),
    sys_ring_rows: rings.sys.size,
    api_ring_rows: rings.api.size,
    has_drain_thread: opened.every(({ drainer }) => drainer.isThread),
  }
}
