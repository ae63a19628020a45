// SPDX-License-Identifier: Apache-2.0

/** What a rule is asked about: the method in upper case, the path without its query. */
export interface SkippableAccess {
  readonly method: string
  readonly path: string
}

/**
 * An access that gets no api row: an exact path, a path with `*` for any run of characters (slashes too), a pattern
 * tried on the path, or a function. Request id and context are kept all the same.
 */
export type SkipRule = string | RegExp | ((access: SkippableAccess) => boolean)

/** Whether an access is to be left out, or undefined when no rule was given. Throws TypeError naming `skip`. */
export function compileSkip(
  rules: readonly SkipRule[] | SkipRule | undefined,
): ((access: SkippableAccess) => boolean) | undefined {
  if (rules === undefined) return undefined
  const exact = new Set<string>()
  const others: ((access: SkippableAccess) => boolean)[] = []
  for (const rule of isList(rules) ? rules : [rules]) {
    if (typeof rule === 'function') others.push(rule)
    else if (rule instanceof RegExp) others.push(matches(rule))
    else if (typeof rule !== 'string' || !/^[/*]/.test(rule))
      throw new TypeError(`skip: ${rule} is not a path starting with "/" or "*", a RegExp or a function`)
    else if (rule.includes('*')) others.push(fits(rule))
    else exact.add(rule)
  }
  if (exact.size === 0 && others.length === 0) return undefined
  return (access) => exact.has(access.path) || others.some((rule) => rule(access))
}

function isList(rules: readonly SkipRule[] | SkipRule): rules is readonly SkipRule[] {
  return Array.isArray(rules)
}

function matches(rule: RegExp): (access: SkippableAccess) => boolean {
  // A sticky or global pattern remembers where it stopped and would answer differently every second time.
  const pattern = new RegExp(rule.source, rule.flags.replace(/[gy]/g, ''))
  return ({ path }) => pattern.test(path)
}

/** By hand and not as a regular expression, because the path is the client's and several stars would backtrack. */
function fits(rule: string): (access: SkippableAccess) => boolean {
  const parts = rule.split(/\*+/)
  const head = parts[0] ?? ''
  const tail = parts.at(-1) ?? ''
  const middle = parts.slice(1, -1)
  return ({ path }) => {
    if (!path.startsWith(head)) return false
    let at = head.length
    for (const part of middle) {
      const found = path.indexOf(part, at)
      if (found === -1) return false
      at = found + part.length
    }
    return path.length - tail.length >= at && path.endsWith(tail)
  }
}
