// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { WitnessAnswer } from '../../core/witness.ts'

/**
 * The C2SP witness protocol over HTTP: `POST …/add-checkpoint`. `answer` has made its memory durable when it returns. Requests longer than
 * 64 KiB are refused; what goes wrong inside is a 500 whose reason goes to `onFault` and not to the caller.
 */
export function createWitnessServer(
  answer: (request: Uint8Array) => WitnessAnswer,
  onFault: (error: unknown) => void,
): Server {
  return createServer((request, response) => {
    void serve(request, response, answer).catch((error: unknown) => {
      onFault(error)
      reply(response, 500, 'text/plain; charset=utf-8', 'the witness cannot answer now\n')
    })
  })
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  answer: (request: Uint8Array) => WitnessAnswer,
): Promise<void> {
  if (request.method !== 'POST' || !(request.url ?? '').split('?', 1)[0]?.endsWith('/add-checkpoint'))
    return reply(response, 404, 'text/plain; charset=utf-8', 'POST add-checkpoint\n')
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > requestBytesMax) return reply(response, 413, 'text/plain; charset=utf-8', 'too long\n')
    chunks.push(chunk)
  }
  const { status, contentType, body } = answer(Buffer.concat(chunks))
  reply(response, status, contentType, body)
}

function reply(response: ServerResponse, status: number, contentType: string, body: string): void {
  if (response.headersSent) return void response.end()
  response.writeHead(status, { 'content-type': contentType }).end(body)
}

const requestBytesMax = 65_536
