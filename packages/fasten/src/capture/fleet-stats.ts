// SPDX-License-Identifier: Apache-2.0
import type { ShipState } from '../store/ship/shipper.ts'
import type { Stats } from './stats.ts'

/** How the shippers of an instance stand together. */
export function fleetStats(
  shippers: readonly ShipState[],
  last_error: string | null,
): NonNullable<Stats['fleet']> {
  const sum = (of: (state: ShipState) => number): number =>
    shippers.reduce((total, state) => total + of(state), 0)
  const most = (of: (state: ShipState) => number): number => Math.max(0, ...shippers.map(of))
  const isKnown = shippers.every(({ unshipped }) => unshipped !== null)
  return {
    shipped: sum(({ shipped }) => shipped),
    unshipped: isKnown ? sum(({ unshipped }) => unshipped ?? 0) : null,
    refused_logs: sum(({ refused }) => refused),
    retry_count: most(({ failures }) => failures),
    in_backoff_seconds: most(({ backoffMs }) => backoffMs) / 1000,
    last_error,
    is_standby: shippers.every(({ isStandby }) => isStandby),
  }
}
