// SPDX-License-Identifier: Apache-2.0

// Committed rows, sent to whatever speaks OTLP.
export { exportRows, type ExportCounts, type ExportCursor, type ExportOptions } from './export-rows.ts'
// The records themselves, for a sender of your own.
export { otlpLogs, type AnyValue, type KeyValue, type LogRecord, type OtlpLogs } from './log-record.ts'
export type { SenderOptions } from './send.ts'
