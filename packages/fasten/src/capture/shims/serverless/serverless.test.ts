// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { describeCarrier } from '../../../testing/carrier-contract.ts'
import { currentContext, currentRequestID } from '../../context.ts'
import type { ApiInput } from '../../engine.ts'
import {
  eachSqsRecord,
  sqsCarrier,
  wrapAzureHttp,
  wrapEvent,
  wrapFetchFunction,
  wrapLambda,
} from './index.ts'
import * as events from './fixtures/events.ts'

describeCarrier('SQS', async () => ({
  carrier: sqsCarrier,
  message: (body) => ({ body: body as string }),
  payloadOf: ({ body }) => body,
  interleaved: 20_000,
}))

/** An instance that says in which order things happened. */
function recording(): { fasten: object; steps: unknown[] } & { fasten: Recorder } {
  const steps: unknown[] = []
  const fasten: Recorder = {
    mintID: () => 'minted',
    recordApi: ({ method, path, status, route, error }) =>
      void steps.push(['row', currentRequestID(), method, path, status, route, error]),
    flush: async (timeoutMs) => {
      await sleep(1)
      steps.push(['flushed', timeoutMs])
      return true
    },
  }
  return { fasten, steps }
}

interface Recorder {
  mintID(): string
  recordApi(row: ApiInput): void
  flush(timeoutMs?: number): Promise<boolean>
}

const context = { awsRequestId: '8476a536-e9f4-11e8-9739-2dfe598c3fcd', getRemainingTimeInMillis: () => 900 }
const headers = { 'X-Request-Id': 'r-1', 'User-Agent': 'test' }

describe('AWS Lambda', () => {
  for (const [name, event, route] of [
    ['API Gateway 1.0', events.restApi, '/items/{id}'],
    ['API Gateway 2.0', events.httpApi, '/items/{id}'],
    ['API Gateway 2.0, no route but the default', events.httpApiDefault, '$default'],
    ['a function URL', events.functionUrl, '$default'],
    ['a load balancer', events.loadBalancer, undefined],
    ['a load balancer with several values a header', events.loadBalancerMultiValue, undefined],
  ] as const)
    test(`${name}: one row, stored before the answer`, async () => {
      const { fasten, steps } = recording()
      const handler = wrapLambda(async () => ({ statusCode: 404, body: currentRequestID() }), { fasten })
      const answer = await handler(event, context)
      steps.push(answer)
      assert.deepEqual(steps, [
        ['row', 'r-1', 'GET', '/items/7', 404, route, undefined],
        ['flushed', 700],
        { statusCode: 404, body: 'r-1' },
      ])
    })

  test('what a handler throws is thrown on, after its row is stored', async () => {
    const { fasten, steps } = recording()
    const handler = wrapLambda(
      async () => {
        throw new RangeError('no')
      },
      { fasten },
    )
    await assert.rejects(handler(events.httpApi, context), RangeError)
    assert.deepEqual(steps, [
      ['row', 'r-1', 'GET', '/items/7', 500, '/items/{id}', 'RangeError'],
      ['flushed', 700],
    ])
  })

  test('handlers that take a callback', async () => {
    const { fasten } = recording()
    type Done = (error?: Error | string | null, result?: string) => void
    const answers = wrapLambda<unknown, object, string>(
      (_event: unknown, _context: object, callback: Done) =>
        void setImmediate(() => callback(null, currentRequestID() ?? '')),
      { fasten },
    )
    assert.equal(await answers({ _req: 'r-5' }, {}), 'r-5')
    const fails = wrapLambda<unknown, object, string>(
      (_event: unknown, _context: object, callback: Done) => callback(new RangeError('no')),
      { fasten },
    )
    await assert.rejects(fails({}, {}), RangeError)
  })

  test('other events carry the ids where they have room, else the id is that of Lambda', async () => {
    const { fasten } = recording()
    const handler = wrapLambda(async () => currentRequestID(), { fasten })
    const { sqs, sns, eventBridge, s3 } = events
    const scheduled = { ...eventBridge, 'detail-type': 'Scheduled Event', detail: {} }
    const ids = []
    for (const event of [sns, sqs, eventBridge, { _req: 'r-5' }, scheduled, s3, null, 'text'])
      ids.push(await handler(event, context))
    const own = context.awsRequestId
    assert.deepEqual(ids, ['r-3', 'r-2', 'r-4', 'r-5', own, own, own, own])
  })

  test('in a FIFO queue nothing overtakes what failed', async () => {
    const { fasten } = recording()
    const ran: string[] = []
    const handler = eachSqsRecord(
      ({ body }) => {
        ran.push(body)
        if (body === 'm-2') throw new RangeError('no')
      },
      { fasten },
    )
    const Records = ['m-1', 'm-2', 'm-3'].map((messageId) => ({
      messageId,
      body: messageId,
      attributes: { MessageGroupId: 'tank-7' },
    }))
    assert.deepEqual(await handler({ Records }, context), {
      batchItemFailures: [{ itemIdentifier: 'm-2' }, { itemIdentifier: 'm-3' }],
    })
    assert.deepEqual(ran, ['m-1', 'm-2'])
  })

  test('behind a load balancer the client is whom the balancer saw', async () => {
    const rows: (string | undefined)[] = []
    const fasten = { ...recording().fasten, recordApi: ({ source }: ApiInput) => void rows.push(source?.ip) }
    for (const event of [events.loadBalancer, events.loadBalancerMultiValue, events.restApi])
      await wrapLambda(async () => ({ statusCode: 200 }), { fasten })(event, context)
    assert.deepEqual(rows, ['192.0.2.1', '192.0.2.1', '192.0.2.1'])
  })

  test('each record of a batch runs under its own id, and only those that failed come again', async () => {
    const { fasten, steps } = recording()
    const record = (messageId: string, id: string): Parameters<typeof handler>[0]['Records'][number] => ({
      messageId,
      body: messageId,
      messageAttributes: { 'x-request-id': { stringValue: id, dataType: 'String' } },
    })
    const failures: unknown[] = []
    const handler = eachSqsRecord(
      async ({ body }) => {
        await sleep(1)
        steps.push([body, currentRequestID(), currentContext()?.method])
        if (body === 'm-2') throw new RangeError('no')
      },
      { fasten, onFailure: (failure) => failures.push([failure, currentRequestID()]) },
    )
    const answer = await handler({ Records: [record('m-1', 'r-1'), record('m-2', 'r-2')] }, context)
    assert.deepEqual(
      [answer, steps, failures],
      [
        { batchItemFailures: [{ itemIdentifier: 'm-2' }] },
        [
          ['m-1', 'r-1', 'queue'],
          ['m-2', 'r-2', 'queue'],
          ['flushed', 700],
        ],
        [[new RangeError('no'), 'r-2']],
      ],
    )
  })
})

test('Azure Functions, CloudEvents and handlers of the fetch kind', async () => {
  const { fasten, steps } = recording()
  const azure = wrapAzureHttp(async () => ({ status: 201, body: currentRequestID() }), { fasten })
  const request = { method: 'POST', url: 'https://x.example/api/items?a=1', headers: new Headers(headers) }
  assert.deepEqual(await azure(request), { status: 201, body: 'r-1' })
  const cloud = wrapEvent(() => [currentContext()?.trace_id, currentContext()?.tracestate], { fasten })
  assert.deepEqual(await cloud(events.cloudEvent), ['a'.repeat(32), 'shop=7'])
  const worker = wrapFetchFunction(() => new Response(null, { status: 204 }), { fasten })
  const answer = await worker(new Request('https://x.example/ping', { headers }))
  assert.deepEqual([answer.status, answer.headers.get('x-request-id')], [204, 'r-1'])
  assert.deepEqual(steps, [
    ['row', 'r-1', 'POST', '/api/items', 201, undefined, undefined],
    ['flushed', 2000],
    ['flushed', 2000],
    ['row', 'r-1', 'GET', '/ping', 204, undefined, undefined],
    ['flushed', 2000],
  ])
})
