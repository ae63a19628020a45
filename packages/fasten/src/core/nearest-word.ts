// SPDX-License-Identifier: Apache-2.0

/** ` (did you mean "x"?)` for the candidate a typing mistake probably meant, else nothing. Case, `-` and `_` do not count. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const wanted = plain(word)
  let best: string | undefined
  let bestDistance = Math.min(3, Math.ceil(wanted.length / 3)) + 1
  for (const candidate of candidates) {
    const found = plain(candidate)
    const isNear = (wanted.length > 2 && found.startsWith(wanted)) || sorted(found) === sorted(wanted)
    const distance = isNear ? 1 : distanceBetween(wanted, found, bestDistance)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best === undefined ? '' : ` (did you mean "${best}"?)`
}

const plain = (word: string): string => word.toLowerCase().replace(/[-_ ]/g, '')

/** Swapped letters are one slip. */
const sorted = (word: string): string => [...word].sort().join('')

/** Insertions, deletions and substitutions between two short words; gives up at `limit`. */
function distanceBetween(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit || a.length > 64) return limit
  let above = Array.from({ length: b.length + 1 }, (_, column) => column)
  for (let row = 1; row <= a.length; row++) {
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const changed = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1)
      current.push(Math.min(changed, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above[b.length] ?? limit
}
