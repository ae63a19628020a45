// SPDX-License-Identifier: Apache-2.0
import type { FastifyRequest } from 'fastify'
import { Problem } from '../../web/problem.ts'

/** How a request came to us, as far as cookies are concerned. */
export interface Transport {
  /** TLS, or a proxy of ours that ends it. */
  readonly isSecure: boolean
  /** Plain, and from a browser to the machine that it runs on. */
  readonly isLoopback: boolean
}

export function transportOf(request: FastifyRequest, publicUrl: string | undefined): Transport {
  const isSecure = request.protocol === 'https' || publicUrl?.startsWith('https:') === true
  return { isSecure, isLoopback: !isSecure && /^(localhost|127\.0\.0\.1|\[::1\])$/i.test(request.hostname) }
}

/** Throws Problem 403 `INSECURE_TRANSPORT` where a password or a cookie would travel in the clear. */
export function checkTransport({ isSecure, isLoopback }: Transport): void {
  if (!isSecure && !isLoopback)
    throw new Problem(403, 'INSECURE_TRANSPORT', 'people log in over https only, or on the machine itself', {
      hint: 'put a proxy that ends TLS before the fleet and set FLEET_PUBLIC_URL to its https address',
    })
}

/**
 * Throws Problem 403 `CROSS_SITE` when a browser says that another site's page sends this request: by Sec-Fetch-Site, which pages cannot
 * write, and where a browser is too old for that by Origin. `isStrict` is for requests that a cookie opens: saying neither is then no either,
 * because programs have keys. Navigations and other reads pass unless they are embedded by another site.
 */
export function checkSameOrigin(
  request: FastifyRequest,
  publicUrl: string | undefined,
  isStrict: boolean,
): void {
  const refuse = (): never => {
    throw new Problem(403, 'CROSS_SITE', 'this request comes from another site')
  }
  const { 'sec-fetch-site': site, 'sec-fetch-mode': mode, origin } = request.headers
  const reads = request.method === 'GET' || request.method === 'HEAD'
  if (site !== undefined) {
    if (site === 'same-origin') return
    if (reads && (site === 'none' || mode === 'navigate')) return
    refuse()
  }
  if (origin !== undefined) {
    const own = [`${request.protocol}://${request.host}`]
    if (publicUrl !== undefined) own.push(new URL(publicUrl).origin)
    if (!own.includes(origin)) refuse()
    return
  }
  if (isStrict && !reads) refuse()
}
