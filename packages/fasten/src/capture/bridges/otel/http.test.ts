// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Row } from '../../../core/row.ts'
import type { AppOptions, AppReport } from './fixtures/joined-app.ts'

const program = fileURLToPath(new URL('./fixtures/joined-app.ts', import.meta.url))

interface App {
  readonly ports: readonly number[]
  /** Ends it. */
  report(): Promise<AppReport>
}

async function start(options: AppOptions): Promise<App> {
  const child = spawn(process.execPath, ['--conditions=fasten-source', program, JSON.stringify(options)], {
    env: { ...process.env, NODE_OPTIONS: '' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const first = await lines.next()
  return {
    ports: JSON.parse(String(first.value)) as number[],
    async report() {
      const ended = once(child, 'exit')
      child.stdin.end()
      const last = await lines.next()
      await ended
      return JSON.parse(String(last.value)) as AppReport
    },
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 })

/** Answers the request id that the handler saw. */
async function ask(port: number | undefined, headers: Record<string, string>): Promise<string> {
  const asking = request({ host: '127.0.0.1', port, path: '/first', headers, agent }).end()
  const [answer] = (await once(asking, 'response')) as [import('node:http').IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  return String(answer.headers['x-seen'])
}

const traceIdOf = (at: number): string => (at + 0x1000).toString(16).padStart(32, 'a')
const traceparentOf = (at: number): string => `00-${traceIdOf(at)}-00f067aa0ba902b7-01`

describe('applications that OpenTelemetry instruments, in two processes', { timeout: 600_000 }, () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'fasten-otel-'))
  })
  after(async () => {
    agent.destroy()
    await rm(folder, { recursive: true })
  })

  const cases: readonly (readonly [string, Omit<AppOptions, 'name' | 'database'>])[] = [
    ['no shim of ours', { shims: ['none'], hasSdk: true, isSampled: true }],
    [
      'our shim inside and around',
      { shims: ['inside', 'outside', 'beginning'], hasSdk: true, isSampled: true },
    ],
    ['nothing sampled, no shim', { shims: ['none'], hasSdk: true, isSampled: false }],
    [
      'nothing sampled, our shim',
      { shims: ['inside', 'outside', 'beginning'], hasSdk: true, isSampled: false },
    ],
    ['our shim and no SDK', { shims: ['inside'], hasSdk: false, isSampled: false }],
  ]
  for (const [at, [name, options]] of cases.entries())
    test(`${name}: rows, spans and both processes share the two ids of each request`, async () => {
      const [first, second] = await Promise.all(
        ['first', 'second'].map((app) =>
          start({ ...options, name: app, database: join(folder, `${app}-${at}.db`) }),
        ),
      )
      assert.ok(first && second)
      const { hasSdk, isSampled, shims } = options
      const asked = shims.flatMap((place, index) =>
        Array.from({ length: 20 }, (_, number) => ({ place, index, id: `${place}-${number}`, number })),
      )
      const seen = await Promise.all(
        asked.map(({ id, index, number }) =>
          ask(first.ports[index], {
            'x-next': String(second.ports[index]),
            ...(number === 0 ? {} : { 'x-request-id': id }),
            ...(number % 2 === 0 ? {} : { traceparent: traceparentOf(number) }),
          }),
        ),
      )
      const reports = [await first.report(), await second.report()]
      for (const [index, { place, id, number }] of asked.entries()) {
        const request_id = seen[index] ?? ''
        if (number > 0) assert.equal(request_id, id)
        const rows = reports.map((report) => report.rows.filter((row) => row.request_id === request_id))
        for (const ofProcess of rows)
          assert.deepEqual(
            ofProcess.map(nameOf),
            ['SERVED', 'served', 'answered', ...(place === 'none' ? [] : ['GET'])],
            id,
          )
        const isTraced = number % 2 === 1
        // With no SDK the trace of a request that came with none begins with the first call out.
        if (!hasSdk && !isTraced) continue
        const [trace, ...others] = new Set(rows.flat().map(({ trace_id }) => trace_id))
        assert.deepEqual(others, [], `${id} is in one trace`)
        if (isTraced) assert.equal(trace, traceIdOf(number))
        if (!hasSdk || !isSampled) continue
        const spans = reports.flatMap((report) =>
          report.spans.filter((span) => span.trace_id === trace && span.request_id === request_id),
        )
        assert.deepEqual(
          spans.map(({ kind }) => kind).toSorted(),
          [server, server, client],
          'all are stamped',
        )
        const calling = spans.find(({ kind }) => kind === client)
        assert.ok(
          spans.some(({ kind, parent }) => kind === server && parent === calling?.span_id),
          'one tree',
        )
        const servers = spans.filter(({ kind }) => kind === server).map(({ span_id }) => span_id)
        for (const row of rows.flat())
          assert.ok(servers.includes(row.span_id ?? ''), `${id}: ${nameOf(row)} lies in its span`)
      }
      // No span of these requests has any other id.
      const known = new Set(seen)
      for (const { spans } of reports)
        assert.deepEqual(
          spans.filter(({ request_id }) => !known.has(String(request_id))),
          [],
        )
    })
})

const server = 1
const client = 2

const nameOf = (row: Row): string =>
  row.stream === 'audit' ? row.code : row.stream === 'sys' ? row.event : row.method
