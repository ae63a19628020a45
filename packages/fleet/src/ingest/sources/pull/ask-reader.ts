// SPDX-License-Identifier: Apache-2.0
import { request as requestHttp, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { guardedLookup, refuseAddress, type PrivateAddresses } from './addresses.ts'
import { PullError } from './pull-error.ts'

export interface AskReaderOptions {
  /** Without a slash at its end. */
  readonly url: string
  readonly token: string | undefined
  readonly privateAddresses: PrivateAddresses
  /** Milliseconds for one answer, all of it. */
  readonly timeoutMs: number
  /** Of one answer. */
  readonly bytesMax?: number
  /** Ends whatever is under way. */
  readonly signal: AbortSignal
}

/** The reader of one source. Everything it throws is a PullError, or the signal's reason. */
export interface AskReader {
  /** The text of the answer. */
  text(path: string, search: URLSearchParams): Promise<string>
  /** The answer as it comes, until it ends, the time is over, or nobody reads on. A time that is over is the end and no error. */
  chunks(
    path: string,
    search: URLSearchParams,
    options: { readonly headers?: Readonly<Record<string, string>>; readonly quietMs: number },
  ): AsyncIterable<string>
}

/** 500 rows of at most 64 KiB as JSON would be more, but no reader puts more than 8 MiB of leaves on a page. */
const usualBytesMax = 32 * 1_048_576

/**
 * Asks within bounds: an address that may be asked, so many bytes, so much time. A redirect is not followed, wherever it leads: it would take the token and our place in
 * the network along.
 */
export function createAskReader(options: AskReaderOptions): AskReader {
  const { url: base, token, privateAddresses, timeoutMs, bytesMax = usualBytesMax } = options
  const resolve = guardedLookup(privateAddresses)

  async function open(
    path: string,
    search: URLSearchParams,
    headers: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<IncomingMessage> {
    const url = new URL(`${base}${path}${search.size === 0 ? '' : `?${search.toString()}`}`)
    refuseAddress(url.hostname, privateAddresses)
    const answer = await new Promise<IncomingMessage>((taken, failed) => {
      const send = url.protocol === 'https:' ? requestHttps : requestHttp
      const asked = send(url, {
        method: 'GET',
        agent: false,
        lookup: resolve,
        signal,
        maxHeaderSize: 32_768,
        headers: {
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': 'fasten-fleet',
          ...headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      })
      asked.on('response', taken)
      asked.on('error', failed)
      asked.end()
    })
    const { statusCode: status = 0 } = answer
    if (status === 200 && (answer.headers['content-encoding'] ?? 'identity') === 'identity') return answer
    const problem = status === 400 ? await beginningOf(answer) : ''
    answer.destroy()
    throw refusalOf(answer, path, problem)
  }

  /** What went wrong on the way, in our words. */
  async function exchange<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const time = AbortSignal.timeout(timeoutMs)
    try {
      return await work(AbortSignal.any([time, options.signal]))
    } catch (error) {
      options.signal.throwIfAborted()
      throw explained(error, time)
    }
  }

  function explained(error: unknown, time: AbortSignal): unknown {
    if (error instanceof PullError) return error
    if (time.aborted) return new PullError('UNREACHABLE', `no whole answer within ${timeoutMs / 1000} s`)
    const cause = error instanceof Error ? ((error as NodeJS.ErrnoException).code ?? error.name) : 'it failed'
    return new PullError('UNREACHABLE', `it cannot be reached: ${cause}`)
  }

  return {
    text: (path, search) =>
      exchange(async (signal) => {
        const answer = await open(path, search, {}, signal)
        const parts: Buffer[] = []
        let bytes = 0
        for await (const part of answer as AsyncIterable<Buffer>) {
          bytes += part.length
          if (bytes > bytesMax) {
            answer.destroy()
            throw new PullError('BAD_ANSWER', `the answer has more than ${bytesMax} bytes`)
          }
          parts.push(part)
        }
        return Buffer.concat(parts).toString('utf8')
      }),
    async *chunks(path, search, { headers = {}, quietMs }) {
      const time = AbortSignal.timeout(timeoutMs)
      const quiet = new AbortController()
      const signal = AbortSignal.any([time, quiet.signal, options.signal])
      let timer: ReturnType<typeof setTimeout> | undefined
      let bytes = 0
      try {
        const answer = await open(path, search, { accept: 'text/event-stream', ...headers }, signal)
        const decoder = new TextDecoder()
        timer = setTimeout(() => quiet.abort(), quietMs)
        for await (const part of answer as AsyncIterable<Buffer>) {
          timer.refresh()
          bytes += part.length
          if (bytes > bytesMax) return
          yield decoder.decode(part, { stream: true })
        }
      } catch (error) {
        options.signal.throwIfAborted()
        // Nothing more came for a while, or the time for one look is over: there will be another.
        if (timer !== undefined && (quiet.signal.aborted || time.aborted)) return
        throw explained(error, time)
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

function refusalOf(
  { statusCode: status = 0, headers }: IncomingMessage,
  path: string,
  problem: string,
): PullError {
  if (status === 200)
    return new PullError('BAD_ANSWER', `it answers ${path} packed, though nobody asked for that`)
  if (status === 429 || status === 503)
    return new PullError('BUSY', `it answers ${status} to ${path}`, secondsOf(headers['retry-after']))
  if (status >= 300 && status < 400)
    return new PullError('REFUSED', `it sends us elsewhere from ${path} (${status}), where we do not go`)
  if (status === 400 && problem.includes('"BAD_CURSOR"'))
    return new PullError('BAD_CURSOR', `it does not know any more where we were in ${path}`)
  const why: Readonly<Record<number, string>> = {
    401: 'it does not accept the token',
    403: 'the token does not permit this',
    404: 'there is nothing',
  }
  return new PullError(
    status >= 500 ? 'UNREACHABLE' : 'REFUSED',
    `${why[status] ?? 'it refuses'} at ${path} (${status})`,
  )
}

/** RFC 9110: seconds. A date is not waited for, since clocks differ; whoever sends one is asked again as after any failure. */
function secondsOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Math.min(Number(text), 3_600) : undefined
}

async function beginningOf(answer: IncomingMessage): Promise<string> {
  let text = ''
  for await (const part of answer as AsyncIterable<Buffer>) {
    text += part.toString('latin1')
    if (text.length > 4_096) break
  }
  return text
}
