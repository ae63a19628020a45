// SPDX-License-Identifier: Apache-2.0

/**
 * The header of that name (lower case), where names are what the sender wrote: the name as it is, or else in any other case, since
 * clients in other languages write `X-Request-ID`. Undefined where there is none.
 */
export function headerIn(headers: unknown, name: string): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined
  if (Object.hasOwn(headers, name)) return (headers as Record<string, unknown>)[name]
  for (const [given, value] of Object.entries(headers))
    if (given.length === name.length && given.toLowerCase() === name) return value
  return undefined
}
