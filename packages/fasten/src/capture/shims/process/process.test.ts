// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { exec, execFile, execFileSync, fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'
import { after, before, describe, test, type TestContext } from 'node:test'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { BroadcastChannel, MessageChannel, Worker } from 'node:worker_threads'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentRequestID, runWithContext } from '../../context.ts'
import { crossings, type Answer } from './fixtures/crossings.ts'
import { openForkEcho, openThreadEcho, type Echo } from './fixtures/notes.ts'
import {
  childEnvironment,
  enclose,
  environmentCarrier,
  instrumentChildProcess,
  instrumentIpc,
  instrumentWorkerThreads,
  openEnvelope,
} from './index.ts'

const place = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}.ts`, import.meta.url))
const at = <Result>(request_id: string, work: () => Result): Result => runWithContext({ request_id }, work)

for (const [name, openEcho] of [
  ['messages to threads', openThreadEcho],
  ['messages between processes', openForkEcho],
] as const)
  describe(name, () => {
    let echo: Echo
    before(async () => {
      echo = await openEcho()
    })
    after(() => echo.close())
    describeCarrier(name, async () => ({ ...echo.harness, interleaved: 1_000 }))
  })

describeCarrier('environments', async () => ({
  carrier: environmentCarrier,
  message: (body) => ({ BODY: body as string }),
  payloadOf: ({ BODY }) => BODY as string,
  interleaved: 1_000,
}))

describe('worker threads in place', () => {
  let undo: () => void
  before(() => {
    undo = instrumentWorkerThreads()
  })
  after(() => undo())
  const start = (t: TestContext, workerData: string): Worker => {
    // The binding of the import is the one that was replaced.
    const worker = new Worker(place('thread'), { workerData })
    t.after(() => worker.terminate())
    return worker
  }

  test(
    '2,000 interleaved messages, and none is received under the id of another',
    { timeout: 120_000 },
    async (t) => {
      const worker = start(t, 'instrumented')
      // One that cannot be copied shifts no id.
      assert.throws(() => at('r-0', () => worker.postMessage(() => undefined)), { name: 'DataCloneError' })
      worker.postMessage({})
      await once(worker, 'message')
      assert.equal(await crossings(worker, (message) => worker.postMessage(message), 2_000), 0)
    },
  )

  test('a thread knows what it was started for, and its end is heard by who started it', async (t) => {
    const heard = Promise.withResolvers<unknown>()
    const worker = at('r-start', () => {
      const started = start(t, 'instrumented')
      started.on('exit', () => heard.resolve(currentRequestID()))
      return started
    })
    const answered = once(worker, 'message') as Promise<[Answer]>
    at('r-1', () => worker.postMessage({}))
    const [{ started, ids }] = await answered
    assert.deepEqual([started, ids], ['r-start', ['r-1', 'r-1']])
    await worker.terminate()
    assert.equal(await heard.promise, 'r-start')
  })

  test('a thread that knows nothing of us sees what was sent, and nothing else', async (t) => {
    const worker = start(t, 'plain')
    const bytes = new ArrayBuffer(8)
    const answers: Answer[] = []
    worker.on('message', (answer: Answer) => answers.push(answer))
    assert.throws(() => worker.postMessage(() => undefined), { name: 'DataCloneError' })
    at('r-1', () => worker.postMessage({ bytes }, [bytes]))
    at('r-2', () => worker.postMessage({ n: 2 }))
    while (answers.length < 2) await once(worker, 'message')
    assert.equal(bytes.byteLength, 0, 'it was transferred')
    assert.deepEqual(
      answers.map(({ got, ids }) => [Object.keys(got), ids]),
      [
        [['bytes'], [null, null]],
        [['n'], [null, null]],
      ],
    )
  })

  test('where a port cannot be hooked into, messages come without ids, and as they were', async (t) => {
    const worker = at('r-start', () => start(t, 'undispatched'))
    const answered = once(worker, 'message') as Promise<[Answer]>
    at('r-1', () => worker.postMessage({ n: 1 }))
    const [{ got, ids, started }] = await answered
    assert.deepEqual([got, ids, started], [{ n: 1 }, [null, null], 'r-start'])
  })

  test('a second call changes nothing', () => assert.equal(instrumentWorkerThreads(), undo))
})

describe('processes in place', () => {
  let undo: () => void
  before(() => {
    undo = instrumentChildProcess()
  })
  after(() => undo())
  const start = async (t: TestContext, kind: string): Promise<ChildProcess> => {
    const child = fork(place('child'), [kind])
    t.after(async () => {
      if (child.exitCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    })
    await once(child, 'message')
    return child
  }

  test(
    '2,000 interleaved messages, and none is received under the id of another',
    { timeout: 120_000 },
    async (t) => {
      const child = await at('r-start', () => start(t, 'instrumented'))
      assert.equal(await crossings(child, (message) => child.send(message), 2_000), 0)
    },
  )

  test('a child that knows nothing of us sees what was sent, and nothing else', async (t) => {
    const child = await at('r-start', () => start(t, 'plain'))
    const answered = once(child, 'message') as Promise<[Answer]>
    at('r-1', () => child.send({ n: 1 }))
    const [{ got, ids, started }] = await answered
    assert.deepEqual([got, ids, started], [{ n: 1 }, [null, null], 'r-start'])

    // Handles go along, and a channel that is closed says so to the sender.
    const server: Server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const withHandle = once(child, 'message') as Promise<[Answer]>
    await new Promise((resolve) => child.send({ n: 2 }, server, resolve))
    assert.deepEqual((await withHandle)[0].got, { n: 2 })
    server.close()
    child.disconnect()
    const failure = await new Promise<NodeJS.ErrnoException | null>((resolve) =>
      child.send({ n: 3 }, resolve),
    )
    assert.equal(failure?.code, 'ERR_IPC_CHANNEL_CLOSED')
  })

  test('cluster workers and their primary pass ids on', async () => {
    // Under the flags of this process, without which an older Node.js reads no TypeScript.
    const primary = fork(place('cluster'), { silent: true })
    assert.ok(primary.stdout)
    assert.deepEqual(JSON.parse(await text(primary.stdout)), [
      ['c-1', 'c-1'],
      ['c-2', 'c-2'],
    ])
  })

  const printing = ['-p', '[process.env.FASTEN_REQUEST_ID, process.env.TRACEPARENT, process.env.KEPT].join()']
  const context = { request_id: 'r-7', trace_id: 'a'.repeat(32), span_id: 'b'.repeat(16), trace_flags: 1 }
  const told = `r-7,00-${context.trace_id}-${context.span_id}-01,yes\n`
  const env = { ...process.env, KEPT: 'yes' }

  test('every way to start a process hands the ids on in its environment', async () => {
    await runWithContext(context, async () => {
      const byFile = await promisify(execFile)(process.execPath, printing, { env })
      const byShell = await promisify(exec)(`"${process.execPath}" -p "${printing[1]}"`, { env })
      const child = spawn(process.execPath, printing, { env })
      const parts: string[] = []
      child.stdout.on('data', (part) => parts.push(String(part)))
      await once(child, 'close')
      const sync = execFileSync(process.execPath, printing, { env: childEnvironment(env), encoding: 'utf8' })
      assert.deepEqual([byFile.stdout, byShell.stdout, parts.join(''), sync], [told, told, told, told])
    })
    const outside = await promisify(execFile)(process.execPath, printing, { env })
    assert.equal(outside.stdout, ',,yes\n')
  })

  test('an id that was put there on purpose stays, one that was inherited gives way', async (t) => {
    process.env['FASTEN_REQUEST_ID'] = 'of-our-parent'
    t.after(() => delete process.env['FASTEN_REQUEST_ID'])
    const ask = async (more: Record<string, string>): Promise<string> =>
      (await promisify(execFile)(process.execPath, printing, { env: { ...process.env, ...more } })).stdout
    assert.equal(await at('r-8', () => ask({})), 'r-8,,\n')
    assert.equal(await at('r-8', () => ask({ FASTEN_REQUEST_ID: 'theirs' })), 'theirs,,\n')
    assert.equal(await ask({}), 'of-our-parent,,\n')
  })

  test('a second call changes nothing; what is no channel is refused', () => {
    assert.equal(instrumentChildProcess(), undo)
    assert.throws(
      () => instrumentIpc({ connected: false, emit: () => true, listenerCount: () => 0 }),
      TypeError,
    )
  })
})

test('ports and broadcasts of your own carry the ids in an envelope', async (t) => {
  const { port1, port2 } = new MessageChannel()
  const [one, other] = ['', ''].map(() => new BroadcastChannel('fasten-test'))
  t.after(() => {
    for (const each of [port1, one, other]) each?.close()
  })
  const bytes = new Uint8Array([1, 2])
  const seen: unknown[] = []
  const arrived = Promise.withResolvers<void>()
  const look = (message: unknown): void => {
    openEnvelope(message, (value) => seen.push([value, currentRequestID()]))
    if (seen.length === 3) arrived.resolve()
  }
  port2.on('message', look)
  other?.addEventListener('message', (event) => look((event as Event & { readonly data: unknown }).data))
  at('r-1', () => port1.postMessage(enclose({ bytes }), [bytes.buffer]))
  at('r-2', () => one?.postMessage(enclose('all')))
  at('r-3', () => port1.postMessage('plain'))
  await arrived.promise
  const sorted = seen.toSorted((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))) as [
    unknown,
    string,
  ][]
  assert.deepEqual(sorted.slice(0, 1), [['all', 'r-2']])
  assert.deepEqual(sorted[2], [{ bytes: new Uint8Array([1, 2]) }, 'r-1'])
  assert.equal(sorted[1]?.[0], 'plain')
  assert.match(sorted[1]?.[1] ?? '', /^[0-9a-f]{12}$/)
})
