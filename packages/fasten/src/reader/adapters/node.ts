// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createReaderRouter, type ReaderHandler, type ReaderOptions, type ReaderSource } from '../router.ts'

/** A request listener; also fits wherever `(request, response, next)` middleware does. It answers every request it is given. */
export type NodeReader = (request: IncomingMessage, response: ServerResponse) => void

/**
 * The reader for a plain node:http server: `createServer(nodeReader(fasten, { token }))`. Give `basePath` when it answers below
 * a path of a server that does more.
 */
export function nodeReader(source: ReaderSource, options: ReaderOptions): NodeReader {
  const handle = createReaderRouter(source, options)
  return (request, response) => serve(handle, request, response, request.url ?? '/')
}

/** Answers one Node request with `handle`, as if it had asked for `target` (path and query). */
export function serve(
  handle: ReaderHandler,
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
): void {
  const gone = new AbortController()
  // `close` also comes after a whole answer, when nobody listens to the signal any more.
  response.once('close', () => gone.abort())
  const asked = toRequest(request, target, gone.signal)
  if (asked === undefined) {
    response
      .writeHead(400, { 'content-type': 'text/plain; charset=utf-8', connection: 'close' })
      .end('bad request\n')
    return
  }
  // A fault past this point means that the connection itself failed; destroying it is all that can be said to the client.
  handle(asked)
    .then((answer) => send(answer, response))
    .catch((error: unknown) =>
      response.destroy(error instanceof Error ? error : new TypeError(String(error))),
    )
}

/** Undefined for what no Request can be made of: a method of no use here (TRACE, CONNECT), a target that is no path. */
function toRequest(request: IncomingMessage, target: string, signal: AbortSignal): Request | undefined {
  const headers = new Headers()
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2) {
    const [name = '', value = ''] = request.rawHeaders.slice(index, index + 2)
    // HTTP/2 carries the request line as pseudo headers.
    if (!name.startsWith(':')) headers.append(name, value)
  }
  try {
    // The Host header is the client's to choose and decides nothing here, so it takes no part in the address.
    const path = target.startsWith('/') ? target : new URL(target).pathname + new URL(target).search
    return new Request(`http://reader.invalid${path}`, { method: request.method ?? 'GET', headers, signal })
  } catch (error) {
    if (error instanceof TypeError) return undefined
    throw error
  }
}

/** Writes the answer as fast as the client takes it, and stops making it when the client goes. */
async function send(answer: Response, response: ServerResponse): Promise<void> {
  if (response.destroyed) return answer.body?.cancel()
  response.writeHead(answer.status, Object.fromEntries(answer.headers))
  if (answer.body === null) return void response.end()
  const reader = answer.body.getReader()
  const onClose = (): void => {
    // A stream that has already failed has nothing left to cancel.
    reader.cancel().catch(() => undefined)
  }
  response.once('close', onClose)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done || response.destroyed) break
      if (!response.write(value)) await drained(response)
    }
    response.end()
  } finally {
    response.off('close', onClose)
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      response.off('drain', go)
      response.off('close', go)
      resolve()
    }
    response.once('drain', go)
    response.once('close', go)
    if (response.destroyed) go()
  })
}
