// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http'

/** What is wrong with a request, as RFC 9457 spells it with the members of the reader's API. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly detail: string
  readonly hint?: string
}

/** On every answer that is no page: nobody may keep it, frame it, or use it from elsewhere. */
export const safety: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

export function refuse(response: ServerResponse, problem: Refusal): void {
  response.writeHead(problem.status, {
    ...safety,
    'content-type': 'application/problem+json',
    ...(problem.status === 405 ? { allow: 'GET, HEAD' } : {}),
  })
  response.end(JSON.stringify(problem))
}
