// SPDX-License-Identifier: Apache-2.0
import type { StreamName } from '../core/row.ts'
import type { ReaderRow } from './reader.ts'

const first = ['timestamp', 'id', 'log', 'monotonic_seq'] as const
const last = [
  'request_id',
  'inbound_request_id',
  'trace_id',
  'span_id',
  'caused_by',
  'tenant_id',
  'service_id',
  'source_node_id',
  'boot_id',
  'boot_seq',
  'prev_hash',
  'hash',
  'verification',
  'canonical_form_id',
  'wire_version',
] as const

/** The columns of a CSV export, in order. Nested members are JSON text in one cell. */
export const csvColumns: Readonly<Record<StreamName, readonly string[]>> = {
  audit: [
    ...first,
    'code',
    'action',
    'severity',
    'outcome',
    'actor',
    'actor_kind',
    'on_behalf_of',
    'auth_method',
    'session_id',
    'target',
    'target_kind',
    'method',
    'domain',
    'category',
    'reason',
    'change_ref',
    'request_ref',
    'call_ref',
    'source',
    'retention_class',
    'pii_in_detail',
    'detail',
    'sd',
    ...last,
  ],
  sys: [...first, 'level', 'event', 'logger', 'fields', ...last],
  api: [
    ...first,
    'method',
    'path',
    'route',
    'status',
    'duration_us',
    'duration_ms',
    'bytes_in',
    'bytes_out',
    'actor',
    'source',
    'error',
    ...last,
  ],
}

/** The header line of RFC 4180, with its line end. */
export function csvHeader(stream: StreamName): string {
  return `${csvColumns[stream].join(',')}\r\n`
}

/** One row as one line of RFC 4180, with its line end. */
export function csvLine(row: ReaderRow, stream: StreamName): string {
  const members = row as unknown as Readonly<Record<string, unknown>>
  return `${csvColumns[stream].map((column) => csvCell(members[column])).join(',')}\r\n`
}

/**
 * A value as a cell that no spreadsheet takes for a formula: text that begins, after blanks, with one of `= + - @`, their
 * full-width twins, a tab or a line break gets an apostrophe in front. Numbers stay numbers. The apostrophe changes the
 * text, so evidence is exported as NDJSON; CSV is for people.
 */
export function csvCell(value: unknown): string {
  if (value === undefined || value === null) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  const printable = text.replaceAll('\0', '\u2400')
  const safe = startsFormula.test(printable) ? `'${printable}` : printable
  return /[",\r\n;\t]|^\s|\s$/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

const startsFormula = /^(?:[\t\r\n]|\s*[=+\-@\uff1d\uff0b\uff0d\uff20])/
