// SPDX-License-Identifier: Apache-2.0
import { contextOf, receive, type ReceiveOptions } from '../../carriers/carrier.ts'
import { runWithContext } from '../../context.ts'
import { createHttpShim, type HttpShim } from '../http/options.ts'
import { withRequest } from '../http/with-request.ts'
import { eventCarrier, sqsCarrier, type SqsRecord } from './carriers.ts'
import { flushed, type ServerlessOptions } from './flushing.ts'

/** What Lambda tells of one call, as far as it is read. */
export interface LambdaContext {
  readonly awsRequestId?: string
  getRemainingTimeInMillis?(): number
}

/**
 * A handler of AWS Lambda that runs in a context, leaves an api row where the event is an HTTP request (API Gateway 1.0 and 2.0, function URLs, load balancer), and
 * answers when its rows are stored. Ids come from headers, message attributes, or `_req` in JSON; else the id of the call is that of Lambda itself. Handlers that take a
 * callback work as well. Answers, rejects and results are those of the handler.
 */
export function wrapLambda<Event, Context extends LambdaContext, Result>(
  handler: (
    event: Event,
    context: Context,
    callback: LambdaCallback<Result>,
  ) => Promise<Result> | Result | void,
  options: ServerlessOptions = {},
): (event: Event, context: Context) => Promise<Result> {
  if (typeof handler !== 'function') throw new TypeError('handler: give a function of (event, context)')
  const shim = createHttpShim(options.fasten === undefined ? {} : { fasten: options.fasten })
  return async (event, context) => {
    const call = async (): Promise<Result> => answerOf(handler, event, context)
    const remainingMs = context?.getRemainingTimeInMillis?.bind(context)
    return flushed(options, remainingMs, async () => {
      const request = event as unknown as HttpEvent
      if (isHttp(request)) return runHttp(shim, request, call)
      const found = contextOf(eventCarrier, event)
      const isCarried = eventCarrier.extract(event).request_id !== undefined
      const request_id = isCarried ? found.request_id : (context?.awsRequestId ?? found.request_id)
      return runWithContext({ ...found, request_id }, call)
    })
  }
}

export type LambdaCallback<Result> = (error?: Error | string | null, result?: Result) => void

async function answerOf<Event, Context, Result>(
  handler: (
    event: Event,
    context: Context,
    callback: LambdaCallback<Result>,
  ) => Promise<Result> | Result | void,
  event: Event,
  context: Context,
): Promise<Result> {
  const { promise, resolve, reject } = Promise.withResolvers<Result>()
  const callback: LambdaCallback<Result> = (error, result) =>
    error === undefined || error === null ? resolve(result as Result) : reject(error)
  const answer = handler(event, context, callback)
  // Lambda waits for the callback of handlers that take one and answer no promise.
  if (handler.length < 3 || answer instanceof Promise) return (await answer) as Result
  return promise
}

/** The three shapes of HTTP events, as far as they are read. */
interface HttpEvent {
  readonly httpMethod?: string
  readonly path?: string
  readonly resource?: string
  readonly rawPath?: string
  readonly routeKey?: string
  readonly headers?: Readonly<Record<string, string | undefined>> | null
  readonly multiValueHeaders?: Readonly<Record<string, readonly string[] | undefined>> | null
  readonly requestContext?: {
    readonly http?: { readonly method: string; readonly sourceIp?: string }
    readonly identity?: { readonly sourceIp?: string }
    readonly elb?: unknown
  }
}

const isHttp = (event: HttpEvent | null): event is HttpEvent =>
  typeof event?.requestContext === 'object' &&
  (typeof event.httpMethod === 'string' || typeof event.requestContext?.http?.method === 'string')

async function runHttp<Result>(
  shim: HttpShim,
  event: HttpEvent,
  work: () => Promise<Result>,
): Promise<Result> {
  const { requestContext, headers, multiValueHeaders } = event
  const given = Object.entries({ ...headers, ...multiValueHeaders })
  const lowerCase = Object.fromEntries(given.map(([name, value]) => [name.toLowerCase(), value]))
  const facts = {
    method: requestContext?.http?.method ?? event.httpMethod ?? 'GET',
    target: event.rawPath ?? event.path ?? '/',
    headers: lowerCase,
    peerAddress:
      requestContext?.http?.sourceIp ??
      requestContext?.identity?.sourceIp ??
      (requestContext?.elb === undefined ? undefined : lastOf(lowerCase['x-forwarded-for'])),
    request: event,
  }
  return withRequest(shim, facts, async (reply) => {
    // `GET /items/{id}`, or `$default` where no other route fits, as on each function URL.
    reply.route = event.resource ?? event.routeKey?.split(' ').at(-1)
    const result = await work()
    const { statusCode } = (result ?? {}) as { readonly statusCode?: unknown }
    if (typeof statusCode === 'number') reply.status = statusCode
    return result
  })
}

/** The balancer appends the address that it saw itself; what stands before that is the client's own word. */
function lastOf(forwarded: string | readonly string[] | undefined): string | undefined {
  const text = typeof forwarded === 'string' ? forwarded : forwarded?.at(-1)
  return text?.split(',').at(-1)?.trim()
}

/** What Lambda takes for an answer to a batch: the messages that have to come again. */
export interface SqsBatchResponse {
  readonly batchItemFailures: readonly { readonly itemIdentifier: string }[]
}

/**
 * A handler of SQS batches out of one for single records: each runs in the context of its own ids, one after the other, and those that fail are
 * reported, so that only they come again (turn on `ReportBatchItemFailures`). `onFailure` hears of each failure in the record's context. After a failure in
 * a FIFO queue the rest of the batch is not tried but reported too, as Lambda asks: else later messages would overtake the one that failed.
 */
export function eachSqsRecord<Record extends SqsRecord>(
  work: (record: Record) => unknown,
  {
    onFailure,
    trustsSentinels = false,
    ...options
  }: ServerlessOptions &
    Pick<ReceiveOptions, 'trustsSentinels'> & {
      readonly onFailure?: (failure: unknown, record: Record) => void
    } = {},
): (event: { readonly Records: readonly Record[] }, context: LambdaContext) => Promise<SqsBatchResponse> {
  if (typeof work !== 'function') throw new TypeError('work: give a function of (record)')
  return async ({ Records }, context) =>
    flushed(options, context?.getRemainingTimeInMillis?.bind(context), async () => {
      const batchItemFailures: { itemIdentifier: string }[] = []
      for (const record of Records) {
        if (batchItemFailures.length > 0 && record.attributes?.MessageGroupId !== undefined) {
          batchItemFailures.push({ itemIdentifier: record.messageId })
          continue
        }
        await receive(
          sqsCarrier,
          record,
          async () => {
            try {
              await work(record)
            } catch (failure) {
              batchItemFailures.push({ itemIdentifier: record.messageId })
              onFailure?.(failure, record)
            }
          },
          { trustsSentinels },
        )
      }
      return { batchItemFailures }
    })
}
