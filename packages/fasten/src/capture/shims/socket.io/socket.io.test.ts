// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Server } from 'socket.io'
import { io, type Socket } from 'socket.io-client'
import { currentContext, currentRequestID } from '../../context.ts'
import { instrumentNamespace } from './index.ts'

test(
  'everything about a connection runs under the id of its handshake, and the wire is untouched',
  { timeout: 60_000 },
  async (t) => {
    const http = createServer()
    const server = new Server(http)
    const room = server.of('/room')
    for (const namespace of [server, room]) {
      instrumentNamespace(namespace)
      instrumentNamespace(namespace)
    }
    const seen: [string, string | null][] = []
    const see = (what: string): void => void seen.push([what, currentRequestID()])
    room.use((_socket, next) => {
      see('middleware')
      next()
    })
    room.on('connection', (socket) => {
      see('connection')
      assert.equal(currentContext()?.method, 'socket.io')
      socket.on('bytes', async (bytes: Buffer, done: (...values: unknown[]) => void) => {
        see('event')
        await sleep(1)
        see('later')
        done(bytes, currentRequestID())
      })
      socket.on('disconnect', () => see('disconnect'))
    })
    http.listen(0, '127.0.0.1')
    await once(http, 'listening')
    const clients: Socket[] = []
    t.after(() => {
      for (const client of clients) client.close()
      void server.close()
    })
    const { port } = http.address() as AddressInfo
    const ids = ['r-1', 'r-2', 'r-3']
    await Promise.all(
      ids.map(async (id) => {
        const client = io(`http://127.0.0.1:${port}/room`, {
          extraHeaders: { 'x-request-id': id },
          forceNew: true,
          transports: ['websocket'],
        })
        clients.push(client)
        const answer = (await client.emitWithAck('bytes', Buffer.from([0, 255]))) as Buffer
        assert.deepEqual(answer, Buffer.from([0, 255]))
        client.close()
      }),
    )
    while (seen.filter(([what]) => what === 'disconnect').length < 3) await sleep(5)
    for (const id of ids)
      assert.deepEqual(
        seen.filter(([, of]) => of === id).map(([what]) => what),
        ['middleware', 'connection', 'event', 'later', 'disconnect'],
      )
    assert.equal(seen.length, 15)
    assert.throws(() => instrumentNamespace({} as never), TypeError)
  },
)
