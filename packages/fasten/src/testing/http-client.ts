// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number
  /** Lower-case names; of several with one name the last. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** One request that nothing tidied up on its way: header bytes go out as they are given (latin1). */
export interface RawRequest {
  readonly method?: string
  readonly path?: string
  readonly headers?: readonly string[]
  readonly body?: string
}

/** Sends one request over its own socket and reads the answer to its end. */
export async function ask(port: number, request: RawRequest = {}): Promise<RawAnswer> {
  const socket = await dial(port)
  socket.write(
    requestText({ ...request, headers: [...(request.headers ?? []), 'connection: close'] }),
    'latin1',
  )
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  await once(socket, 'close')
  const text = Buffer.concat(chunks).toString('latin1')
  // A 100 Continue comes before the answer proper.
  const [answer] = parseAnswers(text, request.method ?? 'GET').slice(-1)
  if (answer === undefined) throw new TypeError(`no answer in ${JSON.stringify(text)}`)
  return answer
}

export async function dial(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1' })
  await once(socket, 'connect')
  // Servers hang up on purpose here; tests look at rows and bytes.
  socket.on('error', () => undefined)
  return socket
}

/** Reads what is left and waits until the socket is closed. */
export async function closed(socket: Socket): Promise<void> {
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
}

export function requestText({ method = 'GET', path = '/', headers = [], body }: RawRequest): string {
  const isFramed = headers.some((line) => /^(transfer-encoding|content-length):/i.test(line))
  const length =
    body === undefined || isFramed ? [] : [`content-length: ${Buffer.byteLength(body, 'latin1')}`]
  return `${[`${method} ${path} HTTP/1.1`, 'host: localhost', ...length, ...headers].join('\r\n')}\r\n\r\n${body ?? ''}`
}

/** Every answer in `text`, whole ones only. */
export function parseAnswers(text: string, method = 'GET'): RawAnswer[] {
  const answers: RawAnswer[] = []
  for (let rest = text; rest.includes('\r\n\r\n');) {
    const end = rest.indexOf('\r\n\r\n')
    const [start = '', ...lines] = rest.slice(0, end).split('\r\n')
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    )
    const status = Number(start.split(' ')[1])
    const { body, used } = bodyOf(rest.slice(end + 4), headers, status, method)
    answers.push({ status, headers, body })
    rest = rest.slice(end + 4 + used)
  }
  return answers
}

function bodyOf(
  text: string,
  headers: Readonly<Record<string, string>>,
  status: number,
  method: string,
): { body: string; used: number } {
  if (status < 200 || status === 204 || status === 304 || method === 'HEAD') return { body: '', used: 0 }
  const length = headers['content-length']
  if (length !== undefined) return { body: text.slice(0, Number(length)), used: Number(length) }
  if (headers['transfer-encoding'] !== 'chunked') return { body: text, used: text.length }
  let body = ''
  let at = 0
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at)
    const size = lineEnd === -1 ? 0 : Number.parseInt(text.slice(at, lineEnd), 16)
    if (size === 0) return { body, used: lineEnd === -1 ? text.length : lineEnd + 4 }
    body += text.slice(lineEnd + 2, lineEnd + 2 + size)
    at = lineEnd + 2 + size + 2
  }
}
