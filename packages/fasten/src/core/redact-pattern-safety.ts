// SPDX-License-Identifier: Apache-2.0

/**
 * Throws a TypeError that names the pattern when it may take exponential time or can match nothing: a repeated group that itself
 * repeats without bound or chooses between branches that can begin alike, a back-reference, an endless look-around.
 * A heuristic on the source text: it refuses some harmless patterns, and says how to write them.
 */
export function assertLinearPattern(name: string, pattern: RegExp): void {
  const problem = problemOf(pattern)
  if (problem !== undefined)
    throw new TypeError(`redaction pattern ${JSON.stringify(name)} (/${pattern.source}/): ${problem}`)
}

function problemOf(pattern: RegExp): string | undefined {
  if (pattern.test('')) return 'it matches the empty text; make at least one character necessary'
  const { source } = pattern
  if (/\\[1-9]|\\k</.test(source.replace(/\\\\/g, '')))
    return 'a back-reference takes exponential time; write the part out twice'
  return groupProblem(source)
}

interface Group {
  readonly start: number
  hasUnbounded: boolean
  hasBranches: boolean
}

function groupProblem(source: string): string | undefined {
  const open: Group[] = []
  let last: Group | undefined
  for (let at = 0; at < source.length; at++) {
    const character = source[at]
    const before = last
    last = undefined
    if (character === '\\') at++
    else if (character === '[') at = endOfClass(source, at)
    else if (character === '(') {
      open.push({ start: at, hasUnbounded: false, hasBranches: false })
      if (source[at + 1] === '?') at++
    } else if (character === ')') {
      last = open.pop()
      const parent = open.at(-1)
      if (parent !== undefined && last?.hasUnbounded === true) parent.hasUnbounded = true
    } else if (character === '|') {
      const group = open.at(-1)
      if (group !== undefined) group.hasBranches = true
    } else if (character === '*' || character === '+' || character === '{') {
      const repeats = character === '{' ? boundOf(source, at) : Infinity
      if (repeats <= 1) continue
      if (before !== undefined && repeats > 1) {
        if (before.hasUnbounded)
          return 'a repeated group repeats something without bound inside; give the inner part an upper bound and unroll the outer one'
        if (before.hasBranches && repeats > 16)
          return 'a repeated group chooses between branches; use a character class, or repeat each branch by itself'
      }
      const group = open.at(-1)
      if (group !== undefined && repeats > 16) group.hasUnbounded = true
    }
  }
  return undefined
}

function endOfClass(source: string, start: number): number {
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === ']') return at
  }
  return source.length
}

/** The upper bound of `{n}`, `{n,m}` or `{n,}` at `start`; 0 when the brace is literal. */
function boundOf(source: string, start: number): number {
  const match = /^\{(\d+)(,(\d*))?\}/.exec(source.slice(start, start + 24))
  if (match === null) return 0
  if (match[2] === undefined) return Number(match[1])
  return match[3] === '' ? Infinity : Number(match[3])
}
