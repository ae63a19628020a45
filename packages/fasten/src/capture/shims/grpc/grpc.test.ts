// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import * as grpc from '@grpc/grpc-js'
import { fromJSON } from '@grpc/proto-loader'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, currentRequestID, runWithContext } from '../../context.ts'
import type { ApiInput } from '../../engine.ts'
import { openLetters } from './fixtures/letters.ts'
import { crossings, insecure, listening, open, unary, type Place, type Value } from './fixtures/orders.ts'
import { clientInterceptor, instrumentGrpc, instrumentServer, serverInterceptor } from './index.ts'

const echoing: grpc.handleUnaryCall<Value, Value> = (call, callback) =>
  callback(null, { id: currentRequestID(), method: currentContext()?.method, ...call.request })

describeCarrier('gRPC', openLetters)

describe('all of grpc-js in place', () => {
  let undo: () => void
  before(() => {
    undo = instrumentGrpc(grpc)
  })
  after(() => undo())

  test('a unary call runs under the id of its caller, and answers in the context it was made in', async (t) => {
    const { client } = await open(t, { unary: echoing })
    const call = (request_id: string): ReturnType<typeof unary> =>
      runWithContext({ request_id }, () => unary(client, { n: request_id }))
    const answers = await Promise.all(['r-1', 'r-2'].map(call))
    assert.deepEqual(
      answers.map(({ value, id }) => [value, id]),
      ['r-1', 'r-2'].map((id) => [{ id, method: 'grpc', n: id }, id]),
    )
    const outside = await unary(client, {})
    assert.match(String(outside.value?.['id']), /^[0-9a-f]{12}$/)
    assert.equal(outside.id, null, 'the answer of a call outside any request arrives outside any')
  })

  test('one Metadata for many calls keeps no id, and what the application put into it stays', async (t) => {
    const names: unknown[] = []
    const { client } = await open(t, {
      unary(call: grpc.ServerUnaryCall<Value, Value>, callback: grpc.sendUnaryData<Value>) {
        names.push([currentRequestID(), call.metadata.get('key-bin'), call.metadata.get('Shop')])
        callback(null, {})
      },
    })
    const metadata = new grpc.Metadata()
    const bytes = Buffer.from([0, 255, 128])
    metadata.set('key-bin', bytes)
    metadata.set('Shop', '7')
    for (const request_id of ['r-1', 'r-2'])
      await runWithContext({ request_id }, () => unary(client, {}, metadata))
    assert.deepEqual(names, [
      ['r-1', [bytes], ['7']],
      ['r-2', [bytes], ['7']],
    ])
    assert.deepEqual(metadata.getMap(), { 'key-bin': bytes, shop: '7' })
    metadata.set('x-request-id', 'theirs')
    await runWithContext({ request_id: 'r-3' }, () => unary(client, {}, metadata))
    assert.deepEqual(names[2], ['theirs', [bytes], ['7']])
  })

  test('errors keep their status, details and trailing metadata', async (t) => {
    const { client } = await open(t, {
      unary(_call: unknown, callback: grpc.sendUnaryData<Value>) {
        const metadata = new grpc.Metadata()
        metadata.set('retry', 'no')
        callback({ code: grpc.status.NOT_FOUND, details: 'no order 7', metadata })
      },
    })
    const { error, id } = await runWithContext({ request_id: 'r-1' }, () => unary(client, {}))
    assert.deepEqual(
      [error?.code, error?.details, error?.metadata.get('retry'), id],
      [grpc.status.NOT_FOUND, 'no order 7', ['no'], 'r-1'],
    )
  })

  test('every event of every kind of stream is in its context, on both sides', async (t) => {
    const seen: [string, string | null][] = []
    const see = (what: string): void => void seen.push([what, currentRequestID()])
    const { client } = await open(t, {
      collect(call: grpc.ServerReadableStream<Value, Value>, callback: grpc.sendUnaryData<Value>) {
        let sum = 0
        call.on('data', (value: Value) => {
          see('server data')
          sum += Number(value['n'])
        })
        call.on('end', () => {
          see('server end')
          callback(null, { sum })
        })
      },
      list(call: grpc.ServerWritableStream<Value, Value>) {
        see('server list')
        void (async () => {
          for (let n = 0; n < 40; n++) {
            if (!call.write({ n })) await once(call, 'drain')
            see('server write')
          }
          call.on('finish', () => see('server finish'))
          call.end()
        })()
      },
      async talk(call: grpc.ServerDuplexStream<Value, Value>) {
        for await (const value of call) {
          see('server iteration')
          call.write(value)
        }
        see('server iterated')
        call.end()
      },
    })
    const at = (request_id: string, work: () => Promise<void>): Promise<void> =>
      runWithContext({ request_id }, work)
    // The connection is opened outside: its events alone would be nobody's.
    await once(client.list({}).resume(), 'end')
    seen.length = 0
    const kinds: Readonly<Record<string, () => Promise<void>>> = {
      async collect() {
        const answer = Promise.withResolvers<Value | undefined>()
        const call = client.collect((_error, value) => {
          see('client answer')
          answer.resolve(value)
        })
        for (const n of [1, 2, 3]) {
          call.write({ n })
          await sleep(1)
        }
        call.end()
        assert.deepEqual(await answer.promise, { sum: 6 })
      },
      async list() {
        const call = client.list({})
        call.on('metadata', () => see('client metadata'))
        call.on('data', () => see('client data'))
        call.on('status', () => see('client status'))
        call.on('end', () => see('client end'))
        await once(call, 'close')
      },
      async talk() {
        const call = client.talk()
        call.write({ n: 1 })
        for await (const value of call as AsyncIterable<Value>) {
          see('client iteration')
          if (value['n'] === 1) call.write({ n: 2 })
          else call.end()
        }
      },
    }
    for (const [kind, work] of Object.entries(kinds)) {
      await Promise.all(['a', 'b', 'c'].map((name) => at(`${kind}-${name}`, work)))
      const strays = seen.filter(([, id]) => id === null || !id.startsWith(`${kind}-`))
      assert.deepEqual(strays, [], kind)
      const perCall = ['a', 'b', 'c'].map((name) =>
        seen
          .filter(([, id]) => id === `${kind}-${name}`)
          .map(([what]) => what)
          .toSorted(),
      )
      assert.ok((perCall[0]?.length ?? 0) > 3)
      assert.deepEqual([perCall[1], perCall[2]], [perCall[0], perCall[0]], kind)
      seen.length = 0
    }
  })

  test('2,000 interleaved calls, and none sees the id of another', async (t) => {
    assert.equal(await crossings(t, 2_000), 0)
  })

  test('clients of proto-loader are covered as well', async (t) => {
    const definition = fromJSON({
      nested: {
        post: {
          nested: {
            Letter: { fields: { text: { type: 'string', id: 1 } } },
            Box: { methods: { Put: { requestType: 'Letter', responseType: 'Letter', comment: '' } } },
          },
        },
      },
    })
    const { Box } = grpc.loadPackageDefinition(definition)['post'] as unknown as {
      Box: grpc.ServiceClientConstructor
    }
    const server = new grpc.Server()
    server.addService(Box.service, {
      put: (_call: unknown, callback: grpc.sendUnaryData<Value>) =>
        callback(null, { text: currentRequestID() }),
    })
    const client = new Box(await listening(server), insecure)
    t.after(() => {
      client.close()
      server.forceShutdown()
    })
    const put = client['put'] as (value: Value, done: grpc.requestCallback<Value>) => void
    const answer = await new Promise((resolve) =>
      runWithContext({ request_id: 'r-9' }, () =>
        put.call(client, { text: '' }, (_error, value) => resolve(value)),
      ),
    )
    assert.deepEqual(answer, { text: 'r-9' })
  })

  test('a second call changes nothing, and taking it out restores what was there', async (t) => {
    const { createCall } = grpc.Channel.prototype
    assert.equal(instrumentGrpc(grpc), undo)
    assert.deepEqual(
      [grpc.Channel.prototype.createCall, createCall.length, createCall.name],
      [createCall, 5, 'createCall'],
    )
    const { client } = await open(t, { unary: echoing })
    undo()
    const { value } = await runWithContext({ request_id: 'r-1' }, () => unary(client, {}))
    assert.deepEqual(value, { id: null }, 'neither the client nor a server that is bound already')
    assert.notEqual(grpc.Channel.prototype.createCall, createCall)
    undo = instrumentGrpc(grpc)
  })
})

describe('call rows', () => {
  const handlers: grpc.UntypedServiceImplementation = {
    unary(call: grpc.ServerUnaryCall<Value, Value>, callback: grpc.sendUnaryData<Value>) {
      const { code, forever } = call.request
      if (forever === true) return
      if (code === undefined) return callback(null, {})
      callback({ code: code as grpc.status, details: 'secret words' })
    },
    list(call: grpc.ServerWritableStream<Value, Value>) {
      call.emit('error', { code: grpc.status.RESOURCE_EXHAUSTED, details: 'enough' })
    },
  }
  const opened = async (t: TestContext): Promise<Place & { readonly rows: ApiInput[] }> => {
    const rows: ApiInput[] = []
    const place = await open(t, handlers, { clientOptions: { interceptors: [clientInterceptor(grpc)] } })
    const recordApi = (row: ApiInput): void => void rows.push({ ...row, id: currentRequestID() } as ApiInput)
    t.after(instrumentServer(place.server, { fasten: { recordApi }, records: true }))
    return { ...place, rows }
  }

  test('say how each call ended, in terms of HTTP, and nothing that was said in it', async (t) => {
    const { client, rows } = await opened(t)
    const codes = [undefined, grpc.status.NOT_FOUND, grpc.status.UNAUTHENTICATED, 99]
    for (const code of codes)
      await runWithContext({ request_id: 'r-1' }, () => unary(client, code === undefined ? {} : { code }))
    const stream = client.list({})
    stream.on('error', () => undefined)
    await new Promise((resolve) => stream.resume().on('close', resolve))
    const head = { method: 'GRPC', path: '/shop.Orders/Unary', id: 'r-1' }
    const [last] = rows.splice(4)
    assert.deepEqual(
      rows.map(({ duration_us, ...row }) => [Number.isSafeInteger(duration_us), row]),
      [
        [true, { ...head, status: 200 }],
        [true, { ...head, status: 404, error: 'NOT_FOUND' }],
        [true, { ...head, status: 401, error: 'UNAUTHENTICATED' }],
        [true, { ...head, status: 500, error: 'UNKNOWN' }],
      ],
    )
    assert.deepEqual(
      [last?.path, last?.status, last?.error],
      ['/shop.Orders/List', 429, 'RESOURCE_EXHAUSTED'],
    )
  })

  test('a call of a method that the server does not have leaves a row under the id of its caller', async (t) => {
    const { client, rows } = await opened(t)
    const read = (bytes: Buffer): Buffer => bytes
    const failed = await new Promise<grpc.ServiceError | null>((resolve) =>
      runWithContext({ request_id: 'r-9' }, () =>
        (client as unknown as grpc.Client).makeUnaryRequest(
          '/shop.Orders/None',
          read,
          read,
          Buffer.alloc(0),
          resolve,
        ),
      ),
    )
    assert.equal(failed?.code, grpc.status.UNIMPLEMENTED)
    const { duration_us: _duration, ...row } = rows[0] ?? ({} as Partial<ApiInput>)
    const head = { method: 'GRPC', path: '/shop.Orders/None', id: 'r-9' }
    assert.deepEqual([rows.length, row], [1, { ...head, status: 501, error: 'UNIMPLEMENTED' }])
  })

  test('a call that was cancelled is a 499, one whose deadline passed says so', async (t) => {
    const { client, rows } = await opened(t)
    const events: (string | null)[] = []
    const cancelled = runWithContext({ request_id: 'r-2' }, () => {
      const { promise, resolve } = Promise.withResolvers<grpc.ServiceError | null>()
      const call = client.unary({ forever: true }, new grpc.Metadata(), (error) => {
        events.push(currentRequestID())
        resolve(error)
      })
      setTimeout(() => call.cancel(), 50)
      return promise
    })
    assert.equal((await cancelled)?.code, grpc.status.CANCELLED)
    const late = await runWithContext({ request_id: 'r-3' }, () =>
      unary(client, { forever: true }, new grpc.Metadata(), { deadline: Date.now() + 50 }),
    )
    assert.deepEqual([late.error?.code, late.id], [grpc.status.DEADLINE_EXCEEDED, 'r-3'])
    while (rows.length < 2) await sleep(5)
    assert.deepEqual(events, ['r-2'])
    assert.deepEqual([rows[0]?.status, rows[0]?.error], [499, 'CANCELLED'])
    // The client gives up and the server's own clock runs out at the same time; either may be first.
    assert.match(`${rows[1]?.status} ${rows[1]?.error}`, /^(504 DEADLINE_EXCEEDED|499 CANCELLED)$/)
  })
})

test('interceptors by hand do the same, the others of the server inside', async (t) => {
  const inside: (string | null)[] = []
  const other: grpc.ServerInterceptor = (_method, call) => {
    return new grpc.ServerInterceptingCall(call, {
      sendStatus(status, next) {
        inside.push(currentRequestID())
        next(status)
      },
    })
  }
  const { client } = await open(
    t,
    {
      unary(call: grpc.ServerUnaryCall<Value, Value>, callback: grpc.sendUnaryData<Value>) {
        call.on('cancelled', () => inside.push(`cancelled ${currentRequestID()}`))
        if (call.request['forever'] !== true) callback(null, { source: currentContext()?.source })
      },
    },
    {
      serverOptions: { interceptors: [serverInterceptor(grpc), other] },
      clientOptions: { interceptors: [clientInterceptor(grpc)] },
    },
  )
  const { value } = await runWithContext({ request_id: 'r-1' }, () => unary(client, {}))
  const source = value?.['source'] as { ip?: string; user_agent?: string }
  assert.equal(source.ip, '127.0.0.1')
  assert.match(source.user_agent ?? '', /grpc/)
  const call = runWithContext({ request_id: 'r-2' }, () =>
    client.unary({ forever: true }, new grpc.Metadata(), () => undefined),
  )
  setTimeout(() => call.cancel(), 50)
  while (inside.length < 3) await sleep(5)
  // grpc-js says 'cancelled' of calls that ended well, too.
  assert.deepEqual(inside, ['r-1', 'cancelled r-1', 'cancelled r-2'])
})

test('what is no module or server is refused at once', () => {
  assert.throws(() => instrumentGrpc({} as never), TypeError)
  assert.throws(() => instrumentServer({}), TypeError)
  assert.throws(() => clientInterceptor({} as never), TypeError)
  assert.throws(() => serverInterceptor({} as never), TypeError)
})
