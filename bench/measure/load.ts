// SPDX-License-Identifier: Apache-2.0
import { connect, type Socket } from 'node:net'

export interface LoadClient {
  /** Keeps every socket busy for `ms`; resolves with the answers it got. */
  load(ms: number): Promise<{ readonly requests: number; readonly seconds: number }>
  close(): void
}

const requestText =
  'GET /items/42 HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\nuser-agent: bench/1.0\r\n\r\n'
const ending = Buffer.from('{"id":"42"}')

/** Keep-alive sockets to a server on the loopback; each sends its next request when it has seen the last one answered with 200. */
export async function openLoadClient(port: number, sockets = 32): Promise<LoadClient> {
  const open = await Promise.all(Array.from({ length: sockets }, () => openSocket(port)))
  let isRunning = false
  let requests = 0
  let busy = 0
  let onIdle: () => void = () => {}
  let onWrong: (error: Error) => void = () => {}
  for (const socket of open) {
    let received: Buffer = Buffer.alloc(0)
    socket.on('data', (chunk: Buffer) => {
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
      if (!received.subarray(-ending.length).equals(ending)) return
      if (!received.subarray(0, 15).equals(accepted))
        return onWrong(new Error(`a request was answered with ${received.subarray(0, 60).toString()}`))
      received = Buffer.alloc(0)
      requests += 1
      if (isRunning) socket.write(requestText)
      else if (--busy === 0) onIdle()
    })
    socket.on('close', () => onWrong(new Error('the server hung up')))
  }
  return {
    async load(ms) {
      requests = 0
      busy = open.length
      isRunning = true
      const idle = new Promise<void>((resolve, reject) => {
        onIdle = resolve
        onWrong = reject
      })
      const start = performance.now()
      for (const socket of open) socket.write(requestText)
      const timer = setTimeout(() => (isRunning = false), ms)
      await idle.finally(() => clearTimeout(timer))
      return { requests, seconds: (performance.now() - start) / 1000 }
    },
    close() {
      onWrong = () => {}
      for (const socket of open) socket.destroy()
    },
  }
}

const accepted = Buffer.from('HTTP/1.1 200 OK')

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket)).once(
      'error',
      reject,
    )
  })
}
