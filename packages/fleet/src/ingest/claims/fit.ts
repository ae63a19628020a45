// SPDX-License-Identifier: Apache-2.0

/** How much of a row's fields is taken, in bytes of JSON: room is left for what redaction may add below its own limit of 49,152. */
export const fieldsBytesMax = 40_000
/** How much of that is left to the members where there is a long text as well, which comes behind them. */
export const besideTextBytesMax = 24_000
/** An event of more characters may be cut in the row, so its text stands in `fields` as well. */
export const eventCharsMax = 1_024

/** What was left out of a row for want of room. */
export interface Fitting {
  /** A copy of the members, in their order, that needs about `bytesMax` bytes of JSON at most; strings that are too long are cut and end in `…`. */
  take(members: Readonly<Record<string, unknown>>, bytesMax: number): Record<string, unknown>
  /** The same of one value; undefined where there is no room for any of it. */
  takeValue(value: unknown, bytesMax: number): unknown
  /** Bytes that what was taken so far needs. */
  bytes(): number
  /** Counts what somebody else left out. */
  leaveOut(count: number): void
  /** `{_cut: texts that were cut, _left_out: members and items that are not there}`, each only where it is not 0. */
  told(): Record<string, number>
}

/**
 * Makes rows of records that are larger than a row may be: what comes first is kept, and what is not is counted in the row. Redaction would
 * put a summary in the place of all of it.
 */
export function createFitting(): Fitting {
  let spent = 0
  let left = 0
  let cut = 0
  let leftOut = 0

  function text(value: string): unknown {
    // Bytes of JSON are as many as characters at least, so most of a huge text is never looked at.
    const bytes = value.length > left ? Number.POSITIVE_INFINITY : jsonBytes(value)
    if (bytes <= left) return spend(value, bytes)
    if (left < textBytesMin) return undefined
    cut++
    const kept = cutTo(value, left)
    return spend(kept, jsonBytes(kept))
  }

  function copy(value: unknown): unknown {
    switch (typeof value) {
      case 'string':
        return text(value)
      case 'bigint':
      case 'number':
        return spend(value, String(value).length + 2)
      case 'object':
        if (value === null) return spend(null, 4)
        if (ArrayBuffer.isView(value)) return spend(value, 24)
        return Array.isArray(value) ? list(value) : object(value as Readonly<Record<string, unknown>>)
      default:
        return spend(value, 5)
    }
  }

  function list(items: readonly unknown[]): unknown {
    if (spend(true, 2) === undefined) return undefined
    const kept: unknown[] = []
    for (const [index, item] of items.entries()) {
      const value = spend(true, 1) && copy(item)
      if (value === undefined && item !== undefined) {
        leftOut += items.length - index
        break
      }
      kept.push(value)
    }
    return kept
  }

  function object(members: Readonly<Record<string, unknown>>): Record<string, unknown> | undefined {
    if (spend(true, 2) === undefined) return undefined
    const kept = Object.create(null) as Record<string, unknown>
    for (const name in members) {
      if (!Object.hasOwn(members, name)) continue
      const isRoom = name.length < left && spend(true, jsonBytes(name) + 2) !== undefined
      const value = isRoom ? copy(members[name]) : undefined
      if (value === undefined) leftOut++
      else kept[name] = value
    }
    return kept
  }

  function spend<T>(value: T, bytes: number): T | undefined {
    if (bytes > left) return undefined
    left -= bytes
    spent += bytes
    return value
  }

  return {
    take(members, bytesMax) {
      left = bytesMax
      return object(members) ?? {}
    },
    takeValue(value, bytesMax) {
      left = bytesMax
      return copy(value)
    },
    bytes: () => spent,
    leaveOut: (count) => void (leftOut += count),
    told: () => ({ ...(cut === 0 ? {} : { _cut: cut }), ...(leftOut === 0 ? {} : { _left_out: leftOut }) }),
  }
}

/** Below this, a text is left out rather than cut. */
const textBytesMin = 64

const jsonBytes = (text: string): number => Buffer.byteLength(JSON.stringify(text))

/** As much of it as fits, an ellipsis behind. What was cut in two may have been a secret that nobody recognises any more, so its last word goes too. */
function cutTo(text: string, bytesMax: number): string {
  const room = bytesMax - 3
  let kept = text.slice(0, Math.max(0, room))
  for (let bytes = jsonBytes(kept); bytes > room; bytes = jsonBytes(kept))
    kept = kept.slice(0, Math.max(0, Math.min(kept.length - 1, Math.floor((kept.length * room) / bytes))))
  return `${kept.toWellFormed().replace(/\S{1,1024}$/, '')}…`
}
