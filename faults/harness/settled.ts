// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from '../../packages/fasten/src/capture/engine.ts'
import type { Stats } from '../../packages/fasten/src/capture/stats.ts'

/**
 * The counts of an instance once nothing waits any more. A flush alone waits for what was emitted before it; the rows in which the library
 * tells of a trouble and its end come when the news does. Rejects when the store does not take them within two minutes.
 */
export async function settled(fasten: Fasten): Promise<Stats> {
  for (;;) {
    const stats = fasten.stats()
    if (stats.spooled + stats.held === 0) return stats
    if (!(await fasten.flush(120_000))) throw new TypeError(`not stored: ${fasten.stats().last_error}`)
  }
}
