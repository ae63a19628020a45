// SPDX-License-Identifier: Apache-2.0
import type { Digest } from '../core/digest.ts'

/** What a request wants, for a hook to judge. One that asks for personal values is judged twice: `audit:read`, then `audit:disclose`. */
export interface Ask {
  readonly permission: 'audit:read' | 'audit:disclose'
  /** Name of the endpoint as in the OpenAPI document, e.g. `listAudit`, `export`; undefined for an unknown path. */
  readonly operation: string | undefined
}

/** True lets the request in, false is 403, `unauthenticated` is 401. A hook that throws is 500 and nothing is shown. */
export type AuthorizeHook = (request: Request, ask: Ask) => Decision | Promise<Decision>
export type Decision = boolean | 'unauthenticated'

export interface AuthorizeOptions {
  /** Bearer tokens that are let in, any of them. Read them from the environment; empty or undefined is a wiring error. */
  readonly token?: string | readonly string[] | undefined
  /** Asked after the token, when both are given. `open` lets everybody in who can reach the router: say so on purpose. */
  readonly authorize?: AuthorizeHook | 'open' | undefined
}

/**
 * The gate in front of every endpoint. Throws a TypeError while wiring when nothing guards the router, so that a forgotten
 * variable is a failed start and never a public audit log.
 */
export function createGate({ token, authorize }: AuthorizeOptions, digest: Digest): AuthorizeHook {
  const tokens = token === undefined ? undefined : [token].flat()
  if (tokens?.length === 0 || tokens?.some((one) => typeof one !== 'string' || one.trim() === '') === true) {
    throw new TypeError('the reader token is empty; set it, or pass authorize')
  }
  if (authorize !== undefined && authorize !== 'open' && typeof authorize !== 'function') {
    throw new TypeError("authorize must be a function or 'open'")
  }
  if (tokens === undefined && authorize === undefined) {
    throw new TypeError(
      "the reader needs a guard: pass token (is its environment variable set?), authorize, or authorize: 'open' to let everybody in",
    )
  }
  if (tokens !== undefined && authorize === 'open')
    throw new TypeError("token and authorize: 'open' contradict each other")
  const isBearer = tokens === undefined ? undefined : bearer(tokens, digest)
  return async (request, ask) => {
    if (isBearer !== undefined && !isBearer(request.headers.get('authorization'))) return 'unauthenticated'
    // A token, or `open`, lets rows be read. That personal values may be seen as well, a hook has to say.
    return typeof authorize === 'function' ? authorize(request, ask) : ask.permission === 'audit:read'
  }
}

/**
 * Compares digests rather than texts, all characters of all tokens, so that neither the length nor the first wrong
 * character shows in the time it takes.
 */
function bearer(tokens: readonly string[], digest: Digest): (header: string | null) => boolean {
  const expected = tokens.map((token) => digest(new TextEncoder().encode(token)))
  return (header) => {
    const given = /^bearer +([^ ]+) *$/i.exec(header ?? '')?.[1]
    // Header values arrive as bytes in the range of Latin-1; a token beyond ASCII is its UTF-8 bytes.
    const found = digest(Uint8Array.from(given ?? '', (unit) => unit.charCodeAt(0)))
    let matches = 0
    for (const one of expected) matches |= Number(isEqual(one, found))
    return given !== undefined && matches === 1
  }
}

function isEqual(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let index = 0; index < one.length; index++)
    difference |= one.charCodeAt(index) ^ other.charCodeAt(index)
  return difference === 0
}
