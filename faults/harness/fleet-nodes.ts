// SPDX-License-Identifier: Apache-2.0
/**
 * A process that is several nodes of a fleet, each with its own store, spool, key and HTTP server: it asks its servers, whose handler emits an audit row
 * and a line of log, and the id of each accepted audit row goes into the ledger. Says `ready`; at a line on its standard input it
 * stops asking and signs, and says `signed`; at another it ends its nodes, and says `shipped` and how many logs were refused.
 *
 * argv: one `NodesJob` as JSON.
 */
import { once } from 'node:events'
import { mkdirSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { createFasten } from '../../packages/fasten/src/capture/create.ts'
import { wrap } from '../../packages/fasten/src/capture/shims/http/node.ts'
import { createCodeRegistry } from '../../packages/fasten/src/core/code.ts'
import { storeOf, type NodesJob } from './fleet-node-job.ts'
import { openLedger } from './ledger.ts'

const job = JSON.parse(process.argv[2] ?? '') as NodesJob
const ledger = openLedger(job.ledger)
const nodes = await Promise.all(job.names.map(startNode))
writeSync(1, 'ready\n')

const ending = new AbortController()
const ended = once(process.stdin, 'data').then(() => ending.abort())
while (!ending.signal.aborted) {
  await Promise.all(nodes.map(({ url }) => fetch(url).then((response) => response.text())))
  await pause(job.everyMs)
}
for (const { fasten } of nodes) await fasten.checkpoint(120_000)
await ended
writeSync(1, 'signed\n')
await once(process.stdin, 'data')
await Promise.all(nodes.map(({ fasten }) => fasten.close(120_000)))
const refused = nodes.map(({ fasten }) => fasten.stats().fleet?.refused_logs ?? 0)
writeSync(1, `shipped ${refused.reduce((sum, count) => sum + count, 0)}\n`)
process.exit(0)

async function startNode(name: string) {
  mkdirSync(join(job.folder, name), { recursive: true })
  const dsn = `sqlite:///${storeOf(job.folder, name)}`
  const registry = createCodeRegistry()
  registry.register('order', { ORDER_PLACED: { category: 'order', action: 'create' } })
  const fasten = createFasten({
    registry,
    service_id: 'shop',
    node_id: name,
    audit_dsn: dsn,
    sys_dsn: dsn,
    api_dsn: dsn,
    spool_dir: join(job.folder, name, 'spool'),
    key_dir: join(job.folder, name, 'keys'),
    fleet_url: job.url,
    fleet_token: job.token,
    stdout: [],
    exit_hooks: false,
    drain_thread: false,
    flush_timeout_ms: 120_000,
  })
  const server = createServer(
    wrap(
      (_request, response) => {
        const { id, accepted } = fasten.emit({ code: 'ORDER_PLACED', target: 'order/1' })
        if (accepted) ledger.ack([id])
        fasten.log.info('order_seen')
        response.end()
      },
      { fasten },
    ),
  )
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { fasten, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}
