// SPDX-License-Identifier: Apache-2.0
// One HTTP server under load, in a process of its own: bare; with fasten as a service has it (request id, context, an api line on stdout,
// and one audit event for each request that ends up in SQLite); or with one pino line for each request. The parent sends the requests.
import { mkdirSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import fasten from 'fasten'
import { pino } from 'pino'
import { emitOrder, startService } from '../subjects/fasten.ts'
import { startServer, type Framework } from '../subjects/servers.ts'
import { checkRows } from '../subjects/stored-rows.ts'

export const dresses = ['bare', 'fasten', 'pino'] as const
export type Dress = (typeof dresses)[number]

export interface ServerParams {
  readonly framework: Framework
  readonly dress: Dress
  readonly dir: string
}

/** Where the server listens; what it has used (all threads) since it started; that all its rows were found. */
export type ServerReport =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'sample'; readonly cpuMicros: number }
  | { readonly kind: 'checked'; readonly requests: number }
export type ServerOrder = 'sample' | 'end'

const { framework, dress, dir } = JSON.parse(process.argv[2] ?? '{}') as ServerParams
mkdirSync(dir, { recursive: true })
const database = join(dir, 'fasten.db')
const service = dress === 'fasten' ? startService(database, { log_format: 'json' }) : undefined
const log = dress === 'pino' ? pino({ base: { service: 'bench' } }) : undefined
let requests = 0

const server = await startServer(framework, {
  hasShim: dress === 'fasten',
  onRequest: log === undefined ? undefined : logWhenDone,
  work,
})
process.on('message', (order: ServerOrder) => {
  if (order === 'end') return void end()
  const { user, system } = process.cpuUsage()
  report({ kind: 'sample', cpuMicros: user + system })
})
report({ kind: 'listening', port: (server.address() as AddressInfo).port })

function work(): void {
  const number = requests++
  if (service !== undefined) emitOrder(service, number)
}

/** What people write, or install, to have one line for each request. */
function logWhenDone(req: IncomingMessage, res: ServerResponse): void {
  const start = performance.now()
  const reqId = requests
  res.once('finish', () => {
    const { method, url, headers, socket } = req
    log?.info(
      {
        reqId,
        method,
        url,
        status: res.statusCode,
        ms: performance.now() - start,
        ip: socket.remoteAddress,
        agent: headers['user-agent'],
      },
      'request completed',
    )
  })
}

async function end(): Promise<void> {
  if (service !== undefined) {
    if (!(await service.flush(600_000))) throw new Error('not every row was stored')
    await fasten.close()
    await checkRows(database, requests)
  }
  report({ kind: 'checked', requests })
  process.disconnect()
  server.close()
}

function report(message: ServerReport): void {
  process.send?.(message)
}
