// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../../core/clock.ts'
import type { AuditRow } from '../../core/row.ts'
import { parseTime } from '../../core/timestamp.ts'
import type { Reader } from '../../reader/reader.ts'
import { ok, warn, type Check } from './check.ts'
import { ago } from './store-checks.ts'

const rowsLookedAt = 200
const freshMicros = 86_400_000_000

/**
 * What the trail itself says of trouble within a day: stores and spools that were degraded and did not recover, files that were
 * replaced, clocks that jumped.
 */
export function troubleCheck(reader: Reader, clock: Clock): Check {
  async function newest(filter: { readonly code: string } | { readonly category: string }) {
    const page = await reader.page({
      stream: 'audit',
      filter,
      limit: rowsLookedAt,
      order: 'newest',
      total: 'none',
    })
    const now = clock.nowMicros()
    return page.rows
      .filter((row) => row.stream === 'audit')
      .filter(({ timestamp }) => now - (parseTime(timestamp, now) ?? 0) < freshMicros)
  }
  return {
    name: 'trouble',
    async run() {
      const told = [
        ...notOver(await newest({ category: 'delivery' })),
        ...(await newest({ code: 'STORE_REPLACED' })),
        ...(await newest({ code: 'CLOCK_STEP' })),
      ]
      const [first] = told
      if (first === undefined) return ok('the trail tells of none within a day that is not over')
      const more = told.length === 1 ? '' : ` (and ${told.length - 1} more)`
      return warn(`${first.code} of ${first.target} in ${first.log}, ${ago(first.timestamp, clock)}${more}`, {
        hint: 'fasten query category:delivery shows when it began and what it cost',
        detail: {
          open: told.map(({ id, log, timestamp, code, target }) => ({ id, log, timestamp, code, target })),
        },
      })
    },
  }
}

/** The newest DEGRADED or DISK_FULL of each process and target that no RECOVERED follows. */
function notOver<R extends AuditRow>(newestFirst: readonly R[]): R[] {
  const settled = new Set<string>()
  return newestFirst.filter(({ boot_id, target, code }) => {
    if (code !== 'RECOVERED' && code !== 'DEGRADED' && code !== 'DISK_FULL') return false
    const about = `${boot_id} ${target}`
    if (settled.has(about)) return false
    settled.add(about)
    return code !== 'RECOVERED'
  })
}
