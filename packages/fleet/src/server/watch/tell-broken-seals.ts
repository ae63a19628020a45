// SPDX-License-Identifier: Apache-2.0
import type { Fasten } from 'fasten'
import type { Clock } from 'fasten/core'
import type { FleetDatabase } from '../../database/fleet-database.ts'
import type { BrokenSeal } from '../../database/seals/seals.ts'
import type { AlarmBook } from '../../nodes/alarms/raise-alarm.ts'

export interface TellBrokenSealsDeps {
  readonly database: Pick<FleetDatabase, 'transact' | 'seals'>
  readonly fasten: Fasten
  readonly clock: Clock
  readonly book: Pick<AlarmBook, 'raise'>
}

/**
 * Every broken seal that anybody meets becomes an alarm and a row ACCESS_ROW_ALTERED in the fleet's log, until a person has acknowledged it once. `close`
 * resolves when what was under way is told.
 */
export function tellBrokenSeals({ database, fasten, clock, book }: TellBrokenSealsDeps): {
  close(): Promise<void>
} {
  const telling = new Set<Promise<void>>()
  const toldAt = new Map<string, bigint>()
  database.seals.onBroken((broken) => {
    const about = `${broken.kind}:${broken.id}`
    const now = clock.monotonicNanos()
    // Whoever keeps trying such a row makes no work of it.
    if (now - (toldAt.get(about) ?? -pauseNanos) < pauseNanos) return
    if (toldAt.size >= toldMax) toldAt.clear()
    toldAt.set(about, now)
    const told = tell(broken)
      .catch((error: unknown) => fasten.log.error('broken_seal_not_told', { ...broken, error }))
      .finally(() => telling.delete(told))
    telling.add(told)
  })

  async function tell({ kind, id, isUnsealed }: BrokenSeal): Promise<void> {
    const subject = `${kind}:${id}`
    const words = kind.replaceAll('_', ' ')
    const message = isUnsealed
      ? `the ${words} ${id} was written into the database past this fleet; it opens nothing`
      : `the ${words} ${id} was changed in the database past this fleet; it opens nothing`
    await database.transact(async (sql) => {
      const isNew = await book.raise(sql, {
        kind: 'tamper',
        subject,
        tenants: 'all',
        message,
        detail: { is_unsealed: isUnsealed },
      })
      if (!isNew) return
      await fasten.emit(sql, {
        code: 'ACCESS_ROW_ALTERED',
        actor: 'fleet',
        actor_kind: 'system',
        target: subject,
        target_kind: kind,
        outcome: 'denied',
        reason: message,
        detail: { is_unsealed: isUnsealed },
      })
    })
  }

  return {
    async close() {
      await Promise.all(telling)
    },
  }
}

const pauseNanos = 60_000_000_000n
const toldMax = 10_000
