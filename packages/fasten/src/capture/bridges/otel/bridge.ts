// SPDX-License-Identifier: Apache-2.0
import { acceptRequestId } from '../../../core/ids.ts'
import type { RequestContext } from '../../context.ts'
import { exchangeOf } from '../../shims/http/exchange-key.ts'
import { installTraceBridge, traceBridge, type ActiveSpan, type TraceBridge } from '../../trace-bridge.ts'
import { loadOtelApi, type OtelApi, type OtelContext, type OtelSpan, type OtelSpanContext } from './api.ts'
import { baggageEntries } from './baggage-entries.ts'
import { carriedRequestId } from './propagator.ts'
import { createSpanNotes } from './span-notes.ts'

/** Finds the request id of work that only OpenTelemetry knows of; undefined where it has none. Must not be async; asked for every row. */
export type RequestIdLookup = (context: OtelContext, span: OtelSpanContext | undefined) => string | undefined

export interface OpenTelemetryOptions {
  /** `@opentelemetry/api`, where it cannot be loaded by name (bundles). */
  readonly api?: OtelApi
  /**
   * Where work that came in through OpenTelemetry alone has its request id from, the first that has one: `header` (put into the context
   * by `createPropagator`), `baggage` (the entry `request_id`), `trace` (the trace id itself), or a function of yours. Ids are judged as those
   * of a header are. Default `['header', 'baggage', 'trace']`; an empty list leaves such work without.
   */
  readonly requestIdFrom?: readonly ('header' | 'baggage' | 'trace' | RequestIdLookup)[]
  /** Whether each audit row is also an event (code, row id, outcome; nothing else of it) on the active span. Default true. */
  readonly spanEvents?: boolean
  /** Whether spans are linked to the span of the row, or of the sender, that caused them in another trace. Default true. */
  readonly links?: boolean
  /** The attribute in which spans have the request id. Default `fasten.request_id`. */
  readonly attribute?: string
}

/** The attribute in which spans and log records have the request id, unless one was chosen. */
export const requestIdAttribute = 'fasten.request_id'

/**
 * Joins this process's rows with its OpenTelemetry spans: rows take trace and span of the active one, outbound calls name it as their
 * parent, work that came in through OpenTelemetry alone has a request id, and what came in through our shims has its trace and its baggage in
 * OpenTelemetry too. Whether an SDK is there is asked anew each time, so the order of the two does not matter; without one everything stays
 * as it is without the bridge.
 *
 * Called again it replaces the earlier bridge. Returns a function that takes it out. Throws `OTEL_MISSING` when `@opentelemetry/api` is not
 * installed, a `TypeError` for a wrong option.
 */
export function instrumentOpenTelemetry(options: OpenTelemetryOptions = {}): () => void {
  const { requestIdFrom = ['header', 'baggage', 'trace'], attribute = requestIdAttribute } = options
  for (const from of requestIdFrom)
    if (typeof from !== 'function' && !['header', 'baggage', 'trace'].includes(from))
      throw new TypeError(`requestIdFrom: "${from}" is none of header, baggage, trace, or a function`)
  const api = options.api ?? loadOtelApi()
  return installTraceBridge(createBridge(api, { ...options, requestIdFrom, attribute }))
}

type Settings = OpenTelemetryOptions & Required<Pick<OpenTelemetryOptions, 'requestIdFrom' | 'attribute'>>

/** The bridge with what processors ask of it, about contexts that are not active. */
export interface OtelBridge extends TraceBridge {
  /** The request id that `context` has of itself, for work in `span`. */
  requestIdIn(context: OtelContext, span: OtelSpanContext | undefined): string | undefined
}

/** The bridge that is installed, if one is. */
export function otelBridge(): OtelBridge | undefined {
  const bridge = traceBridge()
  return bridge !== undefined && 'requestIdIn' in bridge ? (bridge as OtelBridge) : undefined
}

function createBridge(api: OtelApi, settings: Settings): OtelBridge {
  const notes = createSpanNotes(settings)
  const lookups = settings.requestIdFrom.map((from) =>
    typeof from === 'function' ? safely(from) : lookup(api, from),
  )
  /** Contexts are immutable, so what one says it says for ever; what a function says may hang on anything else, and is asked anew. */
  const isKept = !settings.requestIdFrom.some((from) => typeof from === 'function')
  const ambient = new WeakMap<OtelContext, RequestContext | typeof nothing>()

  /** The span that is active here, whether it records or not; undefined for one of another process, in which nothing of ours lies. */
  function localSpan(): OtelSpan | undefined {
    const span = api.trace.getSpan(api.context.active())
    if (span === undefined) return undefined
    const spanContext = span.spanContext()
    return spanContext.isRemote === true || !api.trace.isSpanContextValid(spanContext) ? undefined : span
  }

  function ambientOf(
    context: OtelContext,
    spanContext = api.trace.getSpan(context)?.spanContext(),
  ): RequestContext | typeof nothing {
    const span =
      spanContext !== undefined && api.trace.isSpanContextValid(spanContext) ? spanContext : undefined
    let refused: Pick<RequestContext, 'inbound_request_id'> = {}
    for (const find of lookups) {
      const { request_id, ...rest } = acceptRequestId(find(context, span))
      if (request_id !== undefined) return { ...refused, ...traceOf(span), request_id }
      if (rest.inbound_request_id !== undefined) refused = rest
    }
    return nothing
  }

  return {
    activeSpan() {
      const span = localSpan()
      return span === undefined ? undefined : activeOf(span.spanContext())
    },
    ambientContext() {
      const context = api.context.active()
      let found = isKept ? ambient.get(context) : undefined
      if (found === undefined) {
        found = ambientOf(context)
        if (isKept) ambient.set(context, found)
      }
      return found === nothing ? undefined : found
    },
    requestIdIn(context, span) {
      const found = ambientOf(context, span)
      return found === nothing ? undefined : found.request_id
    },
    isTracing() {
      const provider = api.trace.getTracerProvider()
      // What the API hands out before anybody is registered knows a tracer only from then on.
      return !isProxy(provider) || provider.getDelegateTracer('fasten') !== undefined
    },
    mark: ({ request_id }) => void localSpan()?.setAttribute(settings.attribute, request_id),
    isUnknown: (context) =>
      (context.parent_span_id !== undefined || baggageOf(context) !== undefined) && localSpan() === undefined,
    enter(context, work) {
      let entered = api.context.active()
      const { trace_id, parent_span_id, trace_flags } = context
      const traceFlags = trace_flags ?? exchangeOf(context)?.traceFlags ?? 0
      if (trace_id !== undefined && parent_span_id !== undefined)
        entered = api.trace.setSpanContext(entered, {
          traceId: trace_id,
          spanId: parent_span_id,
          traceFlags,
          isRemote: true,
        })
      const luggage = baggageOf(context)
      if (luggage !== undefined)
        entered = api.propagation.setBaggage(entered, api.propagation.createBaggage(baggageEntries(luggage)))
      return api.context.with(entered, work)
    },
    onRow: (row) => notes.onRow(row, localSpan()),
  }
}

interface ProxyProvider {
  getDelegateTracer(name: string): unknown
}

const isProxy = (provider: object): provider is ProxyProvider => 'getDelegateTracer' in provider

const nothing = Symbol('no request id')

const baggageOf = (context: RequestContext): string | undefined =>
  context.baggage ?? exchangeOf(context)?.baggage

/** A span as rows and headers name it. */
export function activeOf({ traceId, spanId, traceFlags, traceState }: OtelSpanContext): ActiveSpan {
  const span = { trace_id: traceId, span_id: spanId, trace_flags: traceFlags }
  const tracestate = traceState?.serialize()
  return tracestate === undefined || tracestate === '' ? span : { ...span, tracestate }
}

function traceOf(
  span: OtelSpanContext | undefined,
): Pick<RequestContext, 'trace_id' | 'span_id' | 'trace_flags'> {
  return span === undefined
    ? {}
    : { trace_id: span.traceId, span_id: span.spanId, trace_flags: span.traceFlags }
}

function lookup(api: OtelApi, from: 'header' | 'baggage' | 'trace'): RequestIdLookup {
  if (from === 'header') return carriedRequestId
  if (from === 'trace') return (_, span) => span?.traceId
  return (context) => api.propagation.getBaggage(context)?.getEntry('request_id')?.value
}

/** A lookup that throws has found nothing; rows do not fail for it. Told once. */
function safely(find: RequestIdLookup): RequestIdLookup {
  let isWarned = false
  return (context, span) => {
    try {
      return find(context, span)
    } catch (error) {
      if (!isWarned)
        process.emitWarning(`a function in "requestIdFrom" threw: ${String(error)}`, {
          type: 'FastenWarning',
          code: 'FASTEN_OTEL_LOOKUP',
        })
      isWarned = true
      return undefined
    }
  }
}
