// SPDX-License-Identifier: Apache-2.0
import { acceptRequestId, isRequestId, isRowId } from '../../core/ids.ts'
import type { Method } from '../../core/row.ts'
import { currentContext, runWithContext, type RequestContext } from '../context.ts'
import { mintID } from '../request-id.ts'
import { propagationHeaders } from '../shims/http/outbound.ts'
import { acceptBaggage, acceptTracestate, createHexSource, parseTraceparent } from '../trace-context.ts'

/** What a message says of the work it belongs to, as it was found: nobody has judged it yet. */
export interface Carried {
  readonly request_id?: string
  /** W3C Trace Context and W3C Baggage. */
  readonly traceparent?: string
  readonly tracestate?: string
  readonly baggage?: string
  /** The id of the row that caused the message. */
  readonly caused_by?: string
}

/**
 * How one kind of message carries the ids: a dozen lines for any transport. `carry` and `receive` do the rest.
 *
 * `extract` answers what the message says, each member a string or absent. MUST NOT throw, whatever is in the message; MUST NOT
 * judge, cut or mend ids; MUST NOT change the message.
 *
 * `inject` answers the message with `carried` in it: the same one changed, or a new one. MUST leave alone what the message says already: an
 * id that somebody put there on purpose is not ours to replace. MUST leave everything else as it is, payloads byte for byte;
 * where a message has no room for an id, it goes without.
 *
 * The suite is `describeCarrier` in fasten/testing.
 */
export interface Carrier<Message> {
  /** e.g. `mqtt`. */
  readonly name: string
  /** What `method` of rows says that are caused by such a message. */
  readonly method: Method
  extract(message: Message): Carried
  inject(message: Message, carried: Carried): Message
}

export interface ReceiveOptions {
  /**
   * Ids that stand for work outside any request (`scheduler-…`) are kept as they are. Say so only where nobody but our own processes can send:
   * a worker, a queue of ours. Elsewhere such an id is replaced, and kept in `inbound_request_id`. Default false.
   */
  readonly trustsSentinels?: boolean
  /** What else is known of the work: its actor, its tenant. */
  readonly context?: Partial<RequestContext>
}

/**
 * The message with the ids of the work in progress. Outside any request an id is minted, so that what the message causes can be found
 * all the same. Throws what the carrier's `inject` throws.
 */
export function carry<Message>(carrier: Carrier<Message>, message: Message): Message {
  return carrier.inject(message, carriedNow())
}

/**
 * Runs `work` as what the message asks for: in a context with the id the message carries, or a new one where it carries none that can be
 * used. Returns, throws, resolves and rejects as `work` does.
 */
export function receive<Message, Result>(
  carrier: Carrier<Message>,
  message: Message,
  work: () => Result,
  options?: ReceiveOptions,
): Result {
  return runWithContext(contextOf(carrier, message, options), work)
}

/** The context that `receive` would run in, for transports that hand their work on in pieces. */
export function contextOf<Message>(
  carrier: Carrier<Message>,
  message: Message,
  { trustsSentinels = false, context: known }: ReceiveOptions = {},
): RequestContext {
  const carried = carrier.extract(message)
  const { request_id: inbound, caused_by } = carried
  const accepted =
    trustsSentinels && inbound !== undefined && isRequestId(inbound)
      ? { request_id: inbound }
      : acceptRequestId(inbound)
  return {
    ...accepted,
    request_id: accepted.request_id ?? mintID(),
    method: carrier.method,
    ...traceOf(carried),
    ...(caused_by === undefined || !isRowId(caused_by) ? {} : { caused_by }),
    ...known,
  }
}

/** What the work in progress would have a message carry. */
export function carriedNow(): Carried {
  const context = currentContext()
  if (context === undefined) return { request_id: mintID() }
  const { [header.request_id]: request_id, ...others } = propagationHeaders(header.request_id)
  return {
    ...others,
    ...(request_id === undefined ? {} : { request_id }),
    ...(context.caused_by === undefined ? {} : { caused_by: context.caused_by }),
  }
}

/** The header that carries each member, where a transport has headers. */
export const header = {
  request_id: 'x-request-id',
  traceparent: 'traceparent',
  tracestate: 'tracestate',
  baggage: 'baggage',
  caused_by: 'x-caused-by',
} as const satisfies Record<keyof Carried, string>

const newHex = createHexSource()

/** The sender's span becomes the parent of one of our own. */
function traceOf({
  traceparent,
  tracestate,
  baggage,
}: Carried): Pick<
  RequestContext,
  'trace_id' | 'span_id' | 'trace_flags' | 'parent_span_id' | 'tracestate' | 'baggage'
> {
  const inbound = parseTraceparent(traceparent)
  const luggage = acceptBaggage(baggage)
  const state = inbound === undefined ? undefined : acceptTracestate(tracestate)
  return {
    ...(inbound === undefined
      ? {}
      : {
          trace_id: inbound.trace_id,
          span_id: newHex(8),
          trace_flags: inbound.flags,
          parent_span_id: inbound.parent_id,
        }),
    ...(state === undefined ? {} : { tracestate: state }),
    ...(luggage === undefined ? {} : { baggage: luggage }),
  }
}
