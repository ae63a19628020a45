// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { Problem, problemFrom } from './problem.ts'

export interface CallOptions {
  readonly method?: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  readonly search?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

/**
 * One question to the server that served these pages; the browser's session cookie says who asks. Answers the body, undefined for 204.
 * Throws `Problem` for everything else; what the caller aborted stays an abort.
 */
export async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const { method = 'GET', body, signal } = options
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(options.search ?? {}))
    if (value !== undefined) search.set(name, String(value))
  const response = await fetch(search.size === 0 ? path : `${path}?${search}`, {
    method,
    headers: {
      accept: 'application/json',
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    ...(signal === undefined ? {} : { signal }),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    throw new Problem(0, 'UNREACHABLE', 'the server does not answer', {
      hint: 'check that it runs, and the network between',
    })
  })
  if (!response.ok) throw await problemFrom(response)
  return (response.status === 204 ? undefined : readJson(await response.text())) as T
}
