// SPDX-License-Identifier: Apache-2.0
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { FastenError } from '../../core/error.ts'
import { readJson } from '../../core/read-json.ts'
import type { ReaderRow } from '../reader.ts'
import { otlpLogs } from './log-record.ts'

export interface SenderOptions {
  /** The whole address, e.g. `http://collector:4318/v1/logs`. */
  readonly url: string
  /** Sent with every request; never in an error or a message. */
  readonly headers?: Readonly<Record<string, string>>
  /** Default true. */
  readonly gzip?: boolean
  /** How long an answer may take, milliseconds. Default 10,000. */
  readonly timeoutMs?: number
  /** Default: the platform's. */
  readonly fetch?: typeof fetch
}

/** What became of one request. */
export type Answer =
  /** Taken; `rejected` rows of it were refused for good, as the receiver said (partial success). */
  | { readonly kind: 'taken'; readonly rejected: number; readonly message: string }
  /** Not now. `waitMs` where the receiver said when. */
  | { readonly kind: 'later'; readonly error: FastenError; readonly waitMs: number | undefined }
  /** Something about these rows: fewer may pass. */
  | { readonly kind: 'unfit'; readonly error: FastenError }
  /** Something about the address or the credential: no rows will pass. */
  | { readonly kind: 'never'; readonly error: FastenError }

const zip = promisify(gzip)

/**
 * Sends rows to one OTLP/HTTP endpoint as JSON, one request a call. Which statuses may be tried again is the protocol's own list (429, 502,
 * 503, 504). Rejects only with the reason of `signal`. Throws a TypeError for an address or headers that cannot be.
 */
export function createSender(
  options: SenderOptions,
): (rows: readonly ReaderRow[], signal: AbortSignal) => Promise<Answer> {
  const { url, at } = checked(options.url)
  const { timeoutMs = 10_000, gzip: isZipped = true } = options
  const send = options.fetch ?? fetch
  const headers = new Headers(options.headers)
  headers.set('content-type', 'application/json')
  if (isZipped) headers.set('content-encoding', 'gzip')

  return async (rows, signal) => {
    const text = JSON.stringify(otlpLogs(rows))
    const body = isZipped ? await zip(text) : text
    try {
      const response = await send(url, {
        method: 'POST',
        headers,
        body,
        // A redirect would take the credential along to somebody who was not named.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      return answerOf(response, await response.text(), at)
    } catch (cause) {
      signal.throwIfAborted()
      const why =
        cause instanceof DOMException && cause.name === 'TimeoutError'
          ? `no answer within ${timeoutMs} ms`
          : reasonOf(cause)
      return {
        kind: 'later',
        error: new FastenError('OTLP_UNREACHABLE', `${at} cannot be reached: ${why}`, {
          at,
          hint: 'rows wait in the store, and the export goes on by itself',
          cause,
        }),
        waitMs: undefined,
      }
    }
  }
}

/** The address, and what of it may be said: a query may hold a key. */
function checked(text: string): { readonly url: string; readonly at: string } {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new TypeError(
      'url must be the http or https address of an OTLP endpoint, e.g. http://collector:4318/v1/logs',
    )
  if (url.username !== '' || url.password !== '')
    throw new TypeError('give the credential as a header, not in the url')
  return { url: url.href, at: `${url.origin}${url.pathname}` }
}

function answerOf(response: Response, text: string, at: string): Answer {
  const { status } = response
  if (response.ok) return { kind: 'taken', ...partialOf(text) }
  const said = messageIn(text)
  const message = `${at} answered ${status}${said === '' ? '' : `: ${said}`}`
  if (retryable.has(status)) {
    const hint = 'rows wait in the store, and the export goes on by itself'
    return {
      kind: 'later',
      error: new FastenError('OTLP_UNREACHABLE', message, { at, hint }),
      waitMs: retryAfterOf(response),
    }
  }
  const isUnfit = status === 400 || status === 413 || status === 422
  const error = new FastenError('OTLP_REFUSED', message, {
    at,
    hint: isUnfit
      ? 'the receiver refuses the row; skip such rows, or mend the receiver'
      : 'check the address (its path is mostly /v1/logs) and the credential; the cursor stays where it was',
  })
  return { kind: isUnfit ? 'unfit' : 'never', error }
}

const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504])

/** Seconds, or a date measured against the receiver's own clock. Undefined when it says nothing that can be used. */
function retryAfterOf({ headers }: Response): number | undefined {
  const value = headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  const waitMs = Date.parse(value) - Date.parse(headers.get('date') ?? '')
  return Number.isNaN(waitMs) ? undefined : Math.max(0, waitMs)
}

/** `partialSuccess` of the answer; an answer without a body, or in another form, is a full success. */
function partialOf(text: string): { readonly rejected: number; readonly message: string } {
  const { partialSuccess } = objectIn(text)
  if (typeof partialSuccess !== 'object' || partialSuccess === null) return { rejected: 0, message: '' }
  const { rejectedLogRecords = 0, errorMessage = '' } = partialSuccess as Readonly<Record<string, unknown>>
  const rejected = Number(rejectedLogRecords)
  return { rejected: Number.isSafeInteger(rejected) ? rejected : 0, message: shortened(errorMessage) }
}

/** The words of a refusal, where it is a `Status` in JSON. */
const messageIn = (text: string): string => shortened(objectIn(text)['message'] ?? '')

const shortened = (message: unknown): string => (typeof message === 'string' ? message.slice(0, 200) : '')

function objectIn(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = readJson(text)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch (error) {
    // Proxies answer in HTML, and an empty body is allowed: the status has said it all.
    if (error instanceof SyntaxError) return {}
    throw error
  }
}

function reasonOf(error: unknown): string {
  const { cause } = error as { readonly cause?: unknown }
  const { code, message } = (cause ?? error) as { readonly code?: unknown; readonly message?: unknown }
  return String(code ?? message ?? error)
}
