// SPDX-License-Identifier: Apache-2.0

/** Where a record lies, as either client says it. */
export interface RecordPlace {
  readonly topic: string
  readonly partition?: number | undefined
  readonly offset?: string | bigint | undefined
}

/** Whether a record was asked about before; the first time it says false and remembers. */
export type OffsetMemory = (place: RecordPlace) => boolean

type Range = { from: bigint; to: bigint }

/**
 * What one consumer has had, as ranges of offsets for each partition. Offsets have holes (markers of transactions, compaction), so ranges are
 * many; of more than `rangesMax` in a partition the two lowest become one, with the hole between them. Offsets that are no numbers count as new.
 */
export function createOffsetMemory(rangesMax = 1_000): OffsetMemory {
  const partitions = new Map<string, Range[]>()
  return ({ topic, partition, offset }) => {
    const at = typeof offset === 'bigint' || /^\d+$/.test(offset ?? '') ? BigInt(offset ?? 0) : undefined
    if (at === undefined) return false
    const key = `${topic}/${partition}`
    const ranges = partitions.get(key) ?? []
    partitions.set(key, ranges)
    // From the end: that is where the next record nearly always belongs.
    let index = ranges.length - 1
    while (index >= 0 && (ranges[index] as Range).from > at) index--
    const below = ranges[index]
    if (below !== undefined && at <= below.to) return true
    const above = ranges[index + 1]
    if (below?.to === at - 1n) {
      below.to = at
      if (above?.from === at + 1n) {
        below.to = above.to
        ranges.splice(index + 1, 1)
      }
    } else if (above?.from === at + 1n) above.from = at
    else ranges.splice(index + 1, 0, { from: at, to: at })
    const [lowest, next] = ranges
    if (ranges.length > rangesMax && lowest !== undefined && next !== undefined) {
      lowest.to = next.to
      ranges.splice(1, 1)
    }
    return false
  }
}
