// SPDX-License-Identifier: Apache-2.0

/** How full the spool is; the names are those of the published SDKs, whose queue was in memory and counted rows. */
export type QueueEvent =
  | {
      readonly event: 'audit_queue_high_water' | 'audit_queue_near_full'
      /** Bytes that the store has not taken. */
      readonly depth: number
      /** `FASTEN_SPOOL_BYTES_MAX`. */
      readonly capacity: number
    }
  | {
      readonly event: 'audit_drain_abandoned'
      readonly reason: 'drainer_stopped'
      readonly row_id: string
    }

export interface SpoolGauge {
  /** Looked at after each append; what it costs is one comparison while the spool is less than half full. */
  look(writtenBytes: number): void
}

export interface SpoolGaugeOptions {
  readonly capacityBytes: number
  /** Bytes of the spool that are stored. */
  readonly storedBytes: () => number
  readonly onEvent: (event: QueueEvent) => void
  /** From nearly full down to less than half. */
  readonly onRelief: () => void
}

/** Of the capacity. Each is told once, and again only after the spool was less than half full. */
const highWater = 0.5
const nearFull = 0.8

export function createSpoolGauge({
  capacityBytes,
  storedBytes,
  onEvent,
  onRelief,
}: SpoolGaugeOptions): SpoolGauge {
  const half = capacityBytes * highWater
  let level: 'low' | 'high' | 'near_full' = 'low'
  /** Never more than is really stored, so that what is judged by it is never too little. */
  let stored = 0

  return {
    look(writtenBytes) {
      if (level === 'low' && writtenBytes - stored < half) return
      stored = storedBytes()
      const depth = writtenBytes - stored
      if (depth < half) {
        const wasNearFull = level === 'near_full'
        level = 'low'
        if (wasNearFull) onRelief()
        return
      }
      if (level === 'low') {
        level = 'high'
        onEvent({ event: 'audit_queue_high_water', depth, capacity: capacityBytes })
      }
      if (level === 'high' && depth >= capacityBytes * nearFull) {
        level = 'near_full'
        onEvent({ event: 'audit_queue_near_full', depth, capacity: capacityBytes })
      }
    },
  }
}
