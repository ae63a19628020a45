// SPDX-License-Identifier: Apache-2.0

/** What a frame is drawn for: rows that came by themselves, or somebody who pressed a key and waits. */
export type Urgency = 'rows' | 'key'

/** How many bytes a second may go to the terminal: the screen shall be usable over a thin line, and leave room on it. */
export interface Budget {
  /** Says that so many bytes were written. */
  spend(bytes: number, nowNanos: bigint): void
  /** Milliseconds until the next frame may be drawn; 0 for now. */
  waitMs(urgency: Urgency, nowNanos: bigint): number
}

export interface BudgetOptions {
  /** In the long run. */
  readonly bytesPerSecond: number
  /** How far a key may run ahead of that; rows never do. */
  readonly keyBytesAhead: number
  /** Between two frames for rows, whatever they cost: faster than this nobody reads. */
  readonly rowsFrameMs: number
  /** Between two frames for keys. */
  readonly keyFrameMs: number
}

/**
 * A debt that is paid back at the rate allowed. A frame for rows waits until all is paid, one for a key only while the debt is above what keys may run ahead: over any
 * time t no more is written than `bytesPerSecond` · t + `keyBytesAhead` + one frame.
 */
export function createBudget({
  bytesPerSecond,
  keyBytesAhead,
  rowsFrameMs,
  keyFrameMs,
}: BudgetOptions): Budget {
  let debt = 0
  let atNanos: bigint | undefined
  const settle = (nowNanos: bigint): void => {
    if (atNanos !== undefined) debt = Math.max(0, debt - (Number(nowNanos - atNanos) / 1e9) * bytesPerSecond)
    atNanos = nowNanos
  }
  let drawnNanos: bigint | undefined
  return {
    spend(bytes, nowNanos) {
      settle(nowNanos)
      debt += bytes
      drawnNanos = nowNanos
    },
    waitMs(urgency, nowNanos) {
      settle(nowNanos)
      const owed = urgency === 'rows' ? debt : Math.max(0, debt - keyBytesAhead)
      const frameMs = urgency === 'rows' ? rowsFrameMs : keyFrameMs
      const since = drawnNanos === undefined ? frameMs : Number(nowNanos - drawnNanos) / 1e6
      return Math.ceil(Math.max((owed / bytesPerSecond) * 1000, frameMs - since, 0))
    },
  }
}
