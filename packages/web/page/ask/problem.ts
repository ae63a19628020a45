// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'

/** What a server said was wrong (RFC 9457), or that none answered. `code` is stable, `message` is for people. */
export class Problem extends Error {
  /** 0 where there was no answer. */
  readonly status: number
  readonly code: string
  readonly hint: string | undefined
  /** Seconds until it makes sense to ask again, where the server said so. */
  readonly retryAfterS: number | undefined

  constructor(
    status: number,
    code: string,
    message: string,
    about: { readonly hint?: string | undefined; readonly retryAfterS?: number | undefined } = {},
  ) {
    super(message)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.hint = about.hint
    this.retryAfterS = about.retryAfterS
  }
}

export async function problemFrom(response: Response): Promise<Problem> {
  const after = Number(response.headers.get('retry-after'))
  const retryAfterS = Number.isFinite(after) && after > 0 ? after : undefined
  const body = jsonOr(await response.text())
  const said = (typeof body === 'object' && body !== null ? body : {}) as Readonly<Record<string, unknown>>
  const text = (name: string): string | undefined => {
    const value = said[name]
    return typeof value === 'string' ? value : undefined
  }
  return new Problem(
    response.status,
    text('code') ?? `HTTP_${response.status}`,
    text('detail') ?? `the server answered ${response.status} without saying why`,
    { hint: text('hint'), retryAfterS },
  )
}

/** Undefined for what is no JSON: a proxy in front answers with a page of its own. */
function jsonOr(text: string): unknown {
  try {
    return readJson(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
