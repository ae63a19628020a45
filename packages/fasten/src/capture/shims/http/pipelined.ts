// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, ServerResponse } from 'node:http'

interface PipelinedSocket {
  [waiting]?: Set<ServerResponse>
  /** The response Node.js is writing, while it writes one. */
  readonly _httpMessage?: unknown
  once(name: 'close', listener: () => void): unknown
}

const waiting: unique symbol = Symbol('fasten.waiting')

/**
 * Sees to it that a response waiting behind an earlier one on its socket is told when the socket closes: up to Node.js 22
 * such a response never emits `close`. `onCut` is given every one that still waits then.
 */
export function watchPipelined(
  req: IncomingMessage,
  res: ServerResponse,
  onCut: (res: ServerResponse) => void,
): void {
  if (res.socket !== null) return
  const socket = req.socket as unknown as PipelinedSocket
  // Right at the start of a request no response has a socket yet; one that has to wait finds another at work.
  if (socket._httpMessage === undefined || socket._httpMessage === null) return
  const known = socket[waiting]
  const responses = known ?? new Set<ServerResponse>()
  responses.add(res)
  res.once('close', () => void responses.delete(res))
  if (known !== undefined) return
  socket[waiting] = responses
  socket.once('close', () => {
    for (const cut of responses) onCut(cut)
  })
}
