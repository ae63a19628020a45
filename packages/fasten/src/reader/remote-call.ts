// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { readJson } from '../core/read-json.ts'

export interface RemoteCallOptions {
  /** Where the reader is mounted, e.g. `https://audit.example.org/api/v1/logs`. */
  readonly url: string
  /** Sent as a bearer token. */
  readonly token?: string | undefined
  /** Further headers of every request. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default: the platform's. */
  readonly fetch?: typeof fetch
  /** How long an answer may take, default 30,000 ms. Raise it for `verify` of large stores. A tail is not bound by it. */
  readonly timeoutMs?: number
}

export type JsonBody = Readonly<Record<string, unknown>>

/** Requests to one remote reader. Failures are FastenErrors that name the address, never the credential. */
export interface RemoteCall {
  json(path: string, search: URLSearchParams, signal?: AbortSignal): Promise<JsonBody>
  /** Undefined when the server says 404: with `code` only that one, without it any. */
  jsonOrNone(
    path: string,
    search: URLSearchParams,
    signal?: AbortSignal,
    code?: string,
  ): Promise<JsonBody | undefined>
  /** The open answer of a stream; undefined when the server has no such endpoint. */
  open(
    path: string,
    search: URLSearchParams,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<Response | undefined>
  close(): void
}

/** Throws a TypeError for an address that is none. */
export function createRemoteCall(options: RemoteCallOptions): RemoteCall {
  const base = checkedUrl(options.url)
  const send = options.fetch ?? fetch
  const timeoutMs = options.timeoutMs ?? 30_000
  const closing = new AbortController()

  async function get(
    path: string,
    search: URLSearchParams,
    accept: string,
    signals: readonly (AbortSignal | undefined)[],
    more: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const query = search.size === 0 ? '' : `?${search}`
    const headers = {
      accept,
      ...options.headers,
      ...more,
      ...(options.token === undefined ? {} : { authorization: `Bearer ${options.token}` }),
    }
    const signal = AbortSignal.any([closing.signal, ...signals.filter((one) => one !== undefined)])
    return send(`${base}${path}${query}`, { headers, signal })
  }

  async function body(response: Response): Promise<JsonBody> {
    const value: unknown = readJson(await response.text())
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new SyntaxError('the answer is not a JSON object')
    return value as JsonBody
  }

  /** Runs one exchange; whatever goes wrong on the way is said in our words. The caller's own abort stays what it was. */
  async function exchange<T>(signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (error instanceof FastenError) throw error
      signal?.throwIfAborted()
      if (error instanceof SyntaxError) {
        throw new FastenError(
          'READER_BAD_ANSWER',
          `${base} did not answer as a reader does: ${error.message}`,
          {
            at: base,
            hint: 'check that the URL is that of a mounted reader',
            cause: error,
          },
        )
      }
      const why =
        error instanceof DOMException && error.name === 'TimeoutError'
          ? `no answer within ${timeoutMs} ms`
          : reasonOf(error)
      throw new FastenError('READER_UNREACHABLE', `${base} cannot be reached: ${why}`, {
        at: base,
        hint: 'check the URL, that the service runs, and the network between',
        cause: error,
      })
    }
  }

  const call: RemoteCall = {
    async json(path, search, signal) {
      const found = await call.jsonOrNone(path, search, signal, 'none of these')
      if (found === undefined) throw unsupported(base, path)
      return found
    },
    jsonOrNone: (path, search, signal, code) =>
      exchange(signal, async () => {
        const response = await get(path, search, 'application/json', [signal, AbortSignal.timeout(timeoutMs)])
        if (response.ok) return body(response)
        const failure = await failureOf(response, base, path)
        if (response.status === 404 && (code === undefined || failure.code === code)) return undefined
        throw failure
      }),
    open: (path, search, headers, signal) =>
      exchange(signal, async () => {
        const response = await get(path, search, 'text/event-stream', [signal], headers)
        if (response.ok) return response
        if (response.status === 404) return undefined
        throw await failureOf(response, base, path)
      }),
    close: () => closing.abort(),
  }
  return call
}

function checkedUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new TypeError('url must be the http or https address of a reader')
  }
  if (url.username !== '' || url.password !== '')
    throw new TypeError('give the credential as token, not in the url')
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`
}

/** A refusal in the server's words where it has some, in ours otherwise. */
async function failureOf(response: Response, base: string, path: string): Promise<FastenError> {
  const told = await problemIn(response)
  const at = told.errors?.[0]?.parameter ?? base
  if (told.code === 'QUERY_UNKNOWN' && at === 'not') return withoutExclusion(base)
  if (typeof told.code === 'string' && told.code !== 'NO_SUCH_ENDPOINT') {
    return new FastenError(told.code, told.detail ?? `${base} answered ${response.status}`, {
      at,
      ...(told.hint === undefined ? {} : { hint: told.hint }),
    })
  }
  const said = told.detail === undefined ? '' : `: ${told.detail}`
  switch (response.status) {
    case 401:
      return new FastenError('UNAUTHENTICATED', `${base} refused the credential${said}`, {
        at: base,
        hint: 'check the token',
      })
    case 403:
      return new FastenError('FORBIDDEN', `${base} does not permit this${said}`, { at: base })
    case 404:
    case 405:
    case 501:
      return unsupported(base, path)
    case 400:
    case 422:
      return new FastenError('QUERY_VALUE', `${base} does not take this question${said}`, { at })
    default:
      return new FastenError('READER_BAD_ANSWER', `${base} answered ${response.status}${said}`, { at: base })
  }
}

interface Told {
  readonly code?: string
  readonly detail?: string
  readonly hint?: string
  readonly errors?: readonly { readonly parameter?: string }[]
}

/** The problem in the body of a refusal; nothing when it holds something else, which is no news beside the status. */
async function problemIn(response: Response): Promise<Told> {
  const text = await response.text()
  try {
    const value: unknown = readJson(text)
    if (typeof value !== 'object' || value === null) return {}
    const { code, detail, hint, errors } = value as Readonly<Record<string, unknown>>
    return {
      ...(typeof code === 'string' ? { code } : {}),
      ...(detail === undefined
        ? {}
        : { detail: typeof detail === 'string' ? detail : JSON.stringify(detail) }),
      ...(typeof hint === 'string' ? { hint } : {}),
      ...(Array.isArray(errors) ? { errors: errors as Told['errors'] & object } : {}),
    }
  } catch (error) {
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

/** What a reader of before exclusions is reported as: one of ours refuses the parameter, a published one passes over it. */
export function withoutExclusion(at: string): FastenError {
  return new FastenError('READER_UNSUPPORTED', 'the reader cannot leave rows out', {
    at,
    hint: 'it is a reader of an older version; ask without -field:value',
  })
}

function unsupported(base: string, path: string): FastenError {
  return new FastenError('READER_UNSUPPORTED', `${base} has no ${path}`, {
    at: base,
    hint: 'it may be a reader of an older version, or the URL lacks its mount path',
  })
}

/** `fetch` hides the reason in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}
