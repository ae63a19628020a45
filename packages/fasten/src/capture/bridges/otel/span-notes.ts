// SPDX-License-Identifier: Apache-2.0
import type { Clean } from '../../../core/row.ts'
import type { OtelSpan, OtelSpanContext } from './api.ts'

/** Rows whose span is remembered, oldest forgotten first: what was caused later than that many rows is not linked. */
const rowsMax = 4096

export interface SpanNotes {
  onRow(row: Clean, span: OtelSpan | undefined): void
}

/**
 * What spans are told of rows. An audit row becomes an event of the active span, with its code, id and outcome and nothing else, since
 * traces are read by more people than an audit trail. A row that was caused by another one, which this process wrote in another trace,
 * links the active span to the span of that one.
 */
export function createSpanNotes({
  spanEvents = true,
  links = true,
}: { readonly spanEvents?: boolean; readonly links?: boolean } = {}): SpanNotes {
  const spanOfRow = new Map<string, OtelSpanContext>()
  return {
    onRow(row, span) {
      if (span === undefined) return
      if (links && row.stream !== 'api') remember(row.id, span.spanContext())
      if (!span.isRecording()) return
      if (spanEvents && row.stream === 'audit')
        span.addEvent(row.code, { 'log.record.uid': row.id, 'fasten.outcome': row.outcome })
      const cause = row.caused_by === undefined ? undefined : spanOfRow.get(row.caused_by)
      if (
        links &&
        row.caused_by !== undefined &&
        cause !== undefined &&
        cause.traceId !== span.spanContext().traceId
      )
        span.addLink({ context: cause, attributes: { 'fasten.caused_by': row.caused_by } })
    },
  }

  function remember(id: string, span: OtelSpanContext): void {
    if (spanOfRow.size >= rowsMax) {
      const oldest = spanOfRow.keys().next()
      if (oldest.done !== true) spanOfRow.delete(oldest.value)
    }
    spanOfRow.set(id, span)
  }
}
