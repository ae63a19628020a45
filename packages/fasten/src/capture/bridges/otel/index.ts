// SPDX-License-Identifier: Apache-2.0

// Rows and spans in one story.
export { instrumentOpenTelemetry } from './bridge.ts'
// For an SDK: spans, log records and calls that carry the request id.
export { createLogRecordProcessor } from './log-processor.ts'
export { createPropagator } from './propagator.ts'
export { createSpanProcessor } from './span-processor.ts'
// From a graph to the rows behind it.
export { exemplarNow, instrumentPromClient } from './exemplar.ts'

export type {
  OtelApi,
  OtelBaggage,
  OtelBaggageEntry,
  OtelContext,
  OtelSpan,
  OtelSpanContext,
  OtelTraceState,
} from './api.ts'
export type { OpenTelemetryOptions, RequestIdLookup } from './bridge.ts'
export type { ExemplarLabels, PromClient } from './exemplar.ts'
export type { LogProcessorOptions, OtelLogRecord, RequestIdLogProcessor } from './log-processor.ts'
export type { RequestIdPropagator } from './propagator.ts'
export type { RequestIdSpanProcessor, StartingSpan } from './span-processor.ts'
