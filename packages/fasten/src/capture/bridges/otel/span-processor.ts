// SPDX-License-Identifier: Apache-2.0
import { ownContext, type RequestContext } from '../../context.ts'
import { exchangeOf } from '../../shims/http/exchange-key.ts'
import { joinSpan } from '../../shims/http/exchange.ts'
import type { OtelContext, OtelSpan, OtelSpanContext } from './api.ts'
import { activeOf, otelBridge, requestIdAttribute } from './bridge.ts'

/** A `SpanProcessor` of the SDK, 2.x or 3.x. */
export interface RequestIdSpanProcessor {
  onStart(span: StartingSpan, parentContext: OtelContext): void
  onEnd(span: unknown): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/** A span as processors get it; the SDKs name its parent differently. */
export type StartingSpan = OtelSpan & {
  readonly parentSpanContext?: OtelSpanContext | undefined
  readonly parentSpanId?: string | undefined
}

/**
 * Stamps every span that starts within a request of ours with its id, so that the spans of an application that is instrumented already can
 * be found from its rows, and links the first span of another trace to the sender that the request came from. Put it before the processor
 * that exports.
 */
export function createSpanProcessor({
  attribute = requestIdAttribute,
}: { readonly attribute?: string } = {}): RequestIdSpanProcessor {
  return {
    onStart(span, parentContext) {
      const context = ownContext()
      const spanContext = span.spanContext()
      const id = context?.request_id ?? otelBridge()?.requestIdIn(parentContext, spanContext)
      if (id !== undefined) span.setAttribute(attribute, id)
      if (context === undefined) return
      const isFirst = span.parentSpanContext === undefined && span.parentSpanId === undefined
      if (isFirst) linkToSender(span, context)
      const exchange = exchangeOf(context)
      if (exchange !== undefined && !exchange.isEnded) joinSpan(exchange, activeOf(spanContext))
    },
    onEnd() {},
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
}

function linkToSender(
  span: OtelSpan,
  { trace_id, parent_span_id, trace_flags = 0, caused_by }: RequestContext,
): void {
  if (trace_id === undefined || parent_span_id === undefined || trace_id === span.spanContext().traceId)
    return
  span.addLink({
    context: { traceId: trace_id, spanId: parent_span_id, traceFlags: trace_flags, isRemote: true },
    ...(caused_by === undefined ? {} : { attributes: { 'fasten.caused_by': caused_by } }),
  })
}
