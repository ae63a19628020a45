// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What the journal was asked, and how it answered. */
export interface JournalCall {
  readonly request_id: string | undefined
  readonly status: number
}

export interface Journal {
  readonly url: string
  readonly calls: readonly JournalCall[]
  close(): void
}

/**
 * Stands for a system of somebody else's, which knows nothing of fasten: it keeps an entry for each change, and is too busy whenever it is asked for
 * something the first time.
 */
export async function startJournal(): Promise<Journal> {
  const calls: JournalCall[] = []
  const asked = new Set<string | undefined>()
  const server = createServer((request, response) => {
    const id = request.headers['x-request-id']
    const request_id = typeof id === 'string' ? id : undefined
    const status = asked.has(request_id) ? 201 : 503
    asked.add(request_id)
    calls.push({ request_id, status })
    request.resume().once('end', () => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(status === 201 ? { entry: calls.length } : { error: 'busy' }))
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    close() {
      server.closeAllConnections()
      server.close()
    },
  }
}
