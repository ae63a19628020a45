// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Refusal } from './refuse.ts'

export type Judged =
  /** Nothing of what was asked for is told. */
  | { readonly kind: 'refused'; readonly problem: Refusal }
  /** It came with the link: it is given the cookie. */
  | { readonly kind: 'opening'; readonly cookie: string }
  /** `isKnown`: it comes from the browser that was opened by the link. Others may have the pages, which hold nothing, and no row. */
  | { readonly kind: 'asking'; readonly isKnown: boolean }

export interface Guard {
  /** Says at which port it guards, and answers the token of the link; it opens one browser, once. */
  open(port: number): string
  judge(request: IncomingMessage): Judged
}

/**
 * Who may ask a server that listens at 127.0.0.1, where every page that the machine's browser shows can reach it.
 *
 * - `Host` must be this address: a name of somebody else that was made to lead here (DNS rebinding) is refused.
 * - `Origin`, and `Sec-Fetch-Site` where a browser sends it, must be these pages: no other site asks through this browser, and neither does
 *   another server of this machine, whose pages browsers count as the same site.
 * - What answers with rows needs a cookie that no script can read, and that no request from another site carries. Only the link gives it.
 * - GET and HEAD are all there is.
 */
export function createGuard(): Guard {
  const token = randomBytes(32).toString('base64url')
  const session = randomBytes(32).toString('base64url')
  let port = 0
  let isUsed = false
  return {
    open(listening) {
      port = listening
      return token
    },
    judge({ method, headers, url = '/' }) {
      const { host, origin, cookie, 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers
      if (host !== `127.0.0.1:${port}` && host !== `localhost:${port}`)
        return refused(421, 'WRONG_HOST', 'this server does not go by that name')
      const isFromElsewhere =
        (origin !== undefined && origin !== `http://${host}`) ||
        // A person who follows a link from elsewhere gets the page, which asks for its rows itself.
        (site !== undefined && site !== 'same-origin' && site !== 'none' && mode !== 'navigate')
      if (isFromElsewhere) return refused(403, 'WRONG_ORIGIN', 'only its own pages may ask this server')
      if (method !== 'GET' && method !== 'HEAD')
        return refused(405, 'METHOD_NOT_ALLOWED', `${method} does nothing here; reading never writes`)
      const name = `fasten_ui_${port}`
      const isKnown = cookiesIn(cookie).some(([key, value]) => key === name && isSame(value, session))
      const { pathname, searchParams } = new URL(url, 'http://pages.invalid')
      const given = searchParams.get('token')
      if (method === 'HEAD' || pathname !== '/' || given === null) return { kind: 'asking', isKnown }
      if (!isKnown && (isUsed || !isSame(given, token)))
        return refused(
          401,
          'LINK_USED',
          'this link is not the one that was printed, or has opened a browser already',
          'start fasten ui again',
        )
      isUsed = true
      return { kind: 'opening', cookie: `${name}=${session}; Path=/; HttpOnly; SameSite=Strict` }
    },
  }
}

const refused = (status: number, code: string, detail: string, hint?: string): Judged => ({
  kind: 'refused',
  problem: { status, code, detail, ...(hint === undefined ? {} : { hint }) },
})

const cookiesIn = (header = ''): readonly (readonly [string, string])[] =>
  header.split(';').map((pair) => {
    const at = pair.indexOf('=')
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()]
  })

/** Digests are compared, so that neither the length nor the first wrong character shows in the time it takes. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
