// SPDX-License-Identifier: Apache-2.0
import type { Level } from '../../../core/row.ts'
import { ownContext, runWithContext } from '../../context.ts'
import type { Fasten } from '../../engine.ts'
import { currentFasten } from '../../init.ts'
import { activeSpan, apartFromSpans } from '../../trace-bridge.ts'
import type { OtelContext, OtelSpanContext } from './api.ts'
import { otelBridge, requestIdAttribute } from './bridge.ts'

/** A `LogRecordProcessor` of the SDK, 2.x or 3.x. */
export interface RequestIdLogProcessor {
  onEmit(record: OtelLogRecord, context?: OtelContext): void
  forceFlush(): Promise<void>
  shutdown(): Promise<void>
}

/** A log record as processors get it. */
export interface OtelLogRecord {
  readonly spanContext?: OtelSpanContext | undefined
  readonly instrumentationScope: { readonly name: string }
  readonly attributes: object
  readonly severityNumber?: number | undefined
  readonly body?: unknown
  readonly eventName?: string | undefined
  setAttribute(name: string, value: string): unknown
}

export interface LogProcessorOptions {
  /** The attribute that holds the request id. Default `fasten.request_id`. */
  readonly attribute?: string
  /** Whether each record is also kept as a sys row. Default false; leave it so where the logger feeds fasten by itself (`fasten/log/pino`). */
  readonly records?: boolean
  /** Where those rows go. Default: the process's own instance. */
  readonly fasten?: Pick<Fasten, 'recordLog'>
}

/**
 * Stamps OpenTelemetry's log records with the request id, and with `records` keeps them as sys rows: event name or text as `event`, attributes
 * as `fields`, the scope as `logger`, in the trace of the record. Put it before the processor that exports.
 */
export function createLogRecordProcessor({
  attribute = requestIdAttribute,
  records = false,
  fasten,
}: LogProcessorOptions = {}): RequestIdLogProcessor {
  return {
    onEmit(record, otelContext) {
      const own = ownContext()
      const { spanContext } = record
      const id =
        own?.request_id ??
        (otelContext === undefined ? undefined : otelBridge()?.requestIdIn(otelContext, spanContext))
      // Before the attribute is there: a row says its request id itself.
      const line = records ? lineOf(record) : undefined
      if (id !== undefined) record.setAttribute(attribute, id)
      const recorder = fasten ?? currentFasten()
      // What fasten hands to OpenTelemetry is a row already.
      if (line === undefined || recorder === undefined || line.logger === 'fasten') return
      const keep = (): void => void recorder.recordLog(line)
      const isHere = own?.request_id === id && spanContext?.spanId === activeSpan()?.span_id
      if (id === undefined || isHere) return keep()
      const trace =
        spanContext === undefined ? {} : { trace_id: spanContext.traceId, span_id: spanContext.spanId }
      runWithContext({ ...own, ...trace, request_id: id }, apartFromSpans<void>, keep)
    },
    forceFlush: () => Promise.resolve(),
    shutdown: () => Promise.resolve(),
  }
}

function lineOf({ eventName, body, attributes, severityNumber, instrumentationScope }: OtelLogRecord) {
  const text = typeof body === 'string' && body !== '' ? body : undefined
  const event = eventName === undefined || eventName === '' ? (text ?? 'log') : eventName
  const rest = body === undefined || body === null || body === event ? {} : { body }
  const { name } = instrumentationScope
  return {
    level: levelOf(severityNumber),
    event,
    fields: { ...attributes, ...rest },
    logger: name === '' ? undefined : name,
  }
}

/** Numbers of the log data model: 1 to 4 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal, four of each. */
function levelOf(severityNumber = 0): Level {
  if (severityNumber === 0) return 'info'
  if (severityNumber < 9) return 'debug'
  if (severityNumber < 13) return 'info'
  if (severityNumber < 17) return 'warn'
  return severityNumber < 21 ? 'error' : 'fatal'
}
