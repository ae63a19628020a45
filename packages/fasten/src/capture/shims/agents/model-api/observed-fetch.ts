// SPDX-License-Identifier: Apache-2.0
import { readJson } from '../../../../core/read-json.ts'
import { givenUp, observedStream } from '../observed-stream.ts'
import type { AgentRecorder, ModelCall, ModelEnd, OpenModel } from '../recorder.ts'
import { ServerError } from './server-error.ts'
import { createEventLines } from './event-lines.ts'

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** What an answer says, piece by piece; made anew for each request. */
export interface AnswerReader {
  /** A whole answer, or one event of a streamed one. Answers the error that it tells of, if any. */
  read(body: Json): { readonly error: unknown } | undefined
  /** What is known by now. */
  end(): ModelEnd
}

export type Json = Readonly<Record<string, unknown>>

export interface ModelApi {
  readonly provider: string
  /** The operation that a request is, by its path; undefined for what is no call of a model. */
  operationOf(path: string): string | undefined
  reader(open: OpenModel, operation: string): AnswerReader
}

export interface ObservedFetchOptions {
  readonly recorder: () => AgentRecorder
  readonly api: ModelApi
  readonly provider?: string | undefined
  readonly policies?: ModelCall['policies']
}

/**
 * `fetch` with a row for each request that asks a model, by what is sent and what comes back. One row for each request, not for each call: a client that tries again
 * has asked again, and may be billed again. Bytes, pace and cancellation are those of `fetch`; the row comes when the answer has been read. Headers are
 * left alone: nobody is told our ids here.
 */
export function observedFetch(fetch: Fetch, options: ObservedFetchOptions): Fetch {
  const { recorder, api, policies } = options
  const provider = options.provider ?? api.provider
  return async (input, init) => {
    const asked = whatIsAsked(api, input, init)
    if (asked === undefined) return fetch(input, init)
    const { operation, body, attempt } = asked
    const open = recorder().startModel({
      model: typeof body['model'] === 'string' ? body['model'] : 'unknown',
      provider,
      operation,
      attempt,
      ...(body['stream'] === true ? { isStreamed: true } : {}),
      ...(policies === undefined ? {} : { policies }),
      ...(policies?.input === undefined
        ? {}
        : { input: body['messages'] ?? body['input'] ?? body['prompt'] }),
    })
    try {
      const response = await open.within(() => fetch(input, init))
      return response.ok
        ? observedAnswer(open, response, api.reader(open, operation))
        : refused(open, response)
    } catch (error) {
      open.failed(error)
      throw error
    }
  }
}

/** What the server would not do: its status, and the id by which its keeper finds the request. */
function refused(open: OpenModel, response: Response): Response {
  const error = new ServerError('HttpError', response.statusText, response.status)
  open.failed(error, { callRef: requestIdOf(response) })
  return response
}

const requestIdOf = (response: Response): string | undefined =>
  response.headers.get('x-request-id') ?? response.headers.get('request-id') ?? undefined

/** The answer, read by whoever reads it, in the same bytes. */
function observedAnswer(open: OpenModel, response: Response, reader: AnswerReader): Response {
  const end = (): ModelEnd => ({ callRef: requestIdOf(response), ...present(reader.end()) })
  // A fetch of the application's own may answer with a body of another kind: it is left alone.
  if (!(response.body instanceof ReadableStream)) {
    open.succeeded(end())
    return response
  }
  const isEvents = response.headers.get('content-type')?.includes('text/event-stream') === true
  let failure: { readonly error: unknown } | undefined
  let isComplete = false
  const lines = isEvents ? createEventLines() : createWhole()
  const read = (texts: readonly string[]): void => {
    for (const text of texts) {
      isComplete ||= text === '[DONE]'
      const body = parsed(text)
      if (body === undefined) continue
      open.firstOutput()
      failure ??= reader.read(body)
    }
  }
  const stream = observedStream(response.body, {
    chunk: (bytes) => read(lines.push(bytes)),
    ended() {
      read(lines.end())
      if (failure === undefined) open.succeeded(end())
      else open.failed(failure.error, end())
    },
    failed: (error) => open.failed(failure?.error ?? error, end()),
    cancelled() {
      const known = end()
      // Clients close a stream behind its last event.
      isComplete ||= known.finishReason !== undefined
      if (failure !== undefined) open.failed(failure.error, known)
      else if (isComplete) open.succeeded(known)
      else open.failed(givenUp(), { ...known, isAborted: true })
    },
  })
  unread.register(stream, open)
  const { status, statusText, headers, url, redirected, type } = response
  const twin = new Response(stream, { status, statusText, headers })
  for (const [name, value] of Object.entries({ url, redirected, type }))
    Object.defineProperty(twin, name, { value })
  return twin
}

/** An answer that nobody read to its end nor gave up: when it is forgotten, its row says what was known, which is that it came. */
const unread = new FinalizationRegistry<OpenModel>((open) => open.succeeded())

/** Bytes of one answer that are looked at; of a longer one the usage is unknown. */
const wholeBytesMax = 33_554_432

/** All of the text, once it has ended. */
function createWhole(): ReturnType<typeof createEventLines> {
  const parts: Uint8Array[] = []
  let bytes = 0
  return {
    push(part) {
      bytes += part.length
      if (bytes <= wholeBytesMax) parts.push(part)
      else parts.length = 0
      return []
    },
    end: () => (bytes > wholeBytesMax ? [] : [Buffer.concat(parts).toString('utf8')]),
  }
}

function whatIsAsked(
  api: ModelApi,
  input: string | URL | Request,
  init: RequestInit | undefined,
): { readonly operation: string; readonly body: Json; readonly attempt: number } | undefined {
  const url = input instanceof Request ? input.url : String(input)
  const operation = URL.canParse(url) ? api.operationOf(new URL(url).pathname) : undefined
  if (operation === undefined || init?.method?.toUpperCase() !== 'POST') return undefined
  const tried = Number(new Headers(init.headers).get('x-stainless-retry-count') ?? 0)
  return {
    operation,
    body: (typeof init.body === 'string' ? parsed(init.body) : undefined) ?? {},
    attempt: Number.isSafeInteger(tried) ? tried + 1 : 1,
  }
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = readJson(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined
  } catch {
    // `[DONE]`, an empty body, something else than promised: nothing is known of it.
    return undefined
  }
}

function present(end: ModelEnd): ModelEnd {
  return Object.fromEntries(Object.entries(end).filter(([, value]) => value !== undefined))
}
