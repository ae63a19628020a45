// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { fork } from 'node:child_process'
import cluster from 'node:cluster'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { crossings } from './fixtures/crossings.ts'
import { environmentCarrier, instrumentChildProcess, instrumentWorkerThreads } from './index.ts'

const place = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}.ts`, import.meta.url))

test(
  '20,000 interleaved messages to a thread and back, and none crosses',
  { timeout: 600_000 },
  async (t) => {
    t.after(instrumentWorkerThreads())
    const worker = new Worker(place('thread'), { workerData: 'instrumented' })
    t.after(() => worker.terminate())
    // More than a thread is kept notes for before it has shown that it reads them.
    worker.postMessage({})
    await once(worker, 'message')
    assert.equal(await crossings(worker, (message) => worker.postMessage(message), 20_000), 0)
  },
)

test(
  '20,000 interleaved messages to a process and back, and none crosses',
  { timeout: 600_000 },
  async (t) => {
    t.after(instrumentChildProcess())
    const child = fork(place('child'), ['instrumented'])
    t.after(() => child.kill('SIGKILL'))
    await once(child, 'message')
    assert.equal(await crossings(child, (message) => child.send(message), 20_000), 0)
  },
)

test(
  '20,000 interleaved messages to a worker of a cluster and back, and none crosses',
  { timeout: 600_000 },
  async (t) => {
    t.after(instrumentChildProcess())
    cluster.setupPrimary({ exec: place('child'), args: ['instrumented'] })
    const worker = cluster.fork()
    t.after(() => worker.process.kill('SIGKILL'))
    await once(worker, 'message')
    assert.equal(await crossings(worker, (message) => worker.send(message), 20_000), 0)
  },
)

describeCarrier('environments, 20,000 at once', async () => ({
  carrier: environmentCarrier,
  message: (body) => ({ BODY: body as string }),
  payloadOf: ({ BODY }) => BODY as string,
  interleaved: 20_000,
}))
