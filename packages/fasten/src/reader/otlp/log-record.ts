// SPDX-License-Identifier: Apache-2.0
import type { JsonValue, Row } from '../../core/row.ts'
import type { ReaderRow } from '../reader.ts'

/** OTLP/JSON (opentelemetry-proto 1.x, logs): what is sent as the body of one request. */
export interface OtlpLogs {
  readonly resourceLogs: readonly ResourceLogs[]
}

interface ResourceLogs {
  readonly resource: { readonly attributes: readonly KeyValue[] }
  readonly scopeLogs: readonly {
    readonly scope: { readonly name: string }
    readonly logRecords: readonly LogRecord[]
  }[]
}

export interface LogRecord {
  /** Nanoseconds since 1970, as text: JSON numbers cannot hold them. */
  readonly timeUnixNano: string
  readonly observedTimeUnixNano: string
  readonly severityNumber: number
  readonly severityText: string
  readonly eventName: string
  readonly body: AnyValue
  readonly attributes: readonly KeyValue[]
  /** Hex, where the protobuf form has bytes. */
  readonly traceId?: string
  readonly spanId?: string
}

export interface KeyValue {
  readonly key: string
  readonly value: AnyValue
}

/** Exactly one member, or none for null. Whole numbers are text. */
export interface AnyValue {
  readonly stringValue?: string
  readonly boolValue?: boolean
  readonly intValue?: string
  readonly doubleValue?: number
  readonly arrayValue?: { readonly values: readonly AnyValue[] }
  readonly kvlistValue?: { readonly values: readonly KeyValue[] }
}

/**
 * Rows as OTLP logs, grouped as the protocol wants it: by service and node, then by logger. Personal values are never among them: only what the leaf
 * itself says is sent. Source: docs/guides/opentelemetry.md.
 */
export function otlpLogs(rows: readonly ReaderRow[]): OtlpLogs {
  const byPlace = Map.groupBy(rows, ({ service_id, source_node_id }) =>
    JSON.stringify([service_id, source_node_id]),
  )
  const resourceLogs: ResourceLogs[] = []
  for (const ofPlace of byPlace.values()) {
    const [first] = ofPlace
    if (first === undefined) continue
    const byLogger = Map.groupBy(
      ofPlace,
      (row) => (row.stream === 'sys' ? row.logger : undefined) ?? 'fasten',
    )
    resourceLogs.push({
      resource: {
        attributes: keyValues({
          'service.name': first.service_id,
          'service.instance.id': first.source_node_id,
        }),
      },
      scopeLogs: [...byLogger].map(([name, of]) => ({ scope: { name }, logRecords: of.map(logRecord) })),
    })
  }
  return { resourceLogs }
}

function logRecord(row: ReaderRow): LogRecord {
  const timeUnixNano = nanosOf(row.timestamp)
  const told = tell(row)
  return {
    timeUnixNano,
    observedTimeUnixNano: timeUnixNano,
    ...told,
    body: { stringValue: told.body },
    attributes: keyValues({ ...placeOf(row), ...told.attributes }),
    ...(row.trace_id === undefined ? {} : { traceId: row.trace_id }),
    ...(row.span_id === undefined ? {} : { spanId: row.span_id }),
  }
}

interface Told {
  readonly severityNumber: number
  readonly severityText: string
  readonly eventName: string
  readonly body: string
  readonly attributes: Attributes
}

type Attributes = Readonly<Record<string, JsonValue | undefined>>

/** Numbers of the log data model; `critical` is what its mapping of syslog says. */
const severityNumbers = { debug: 5, info: 9, warn: 13, error: 17, critical: 18, fatal: 21 } as const

function tell(row: Row): Told {
  switch (row.stream) {
    case 'audit':
      return {
        severityNumber: severityNumbers[row.severity],
        severityText: row.severity,
        eventName: row.code,
        body: `${row.actor ?? row.actor_kind} ${row.code} ${row.target ?? ''} ${row.outcome}`.replace(
          '  ',
          ' ',
        ),
        attributes: {
          'user.id': row.actor_kind === 'user' || row.actor_kind === 'admin' ? row.actor : undefined,
          'session.id': row.session_id,
          ...sourceOf(row.source),
          ...prefixed(row, [
            'code',
            'action',
            'severity',
            'domain',
            'category',
            'actor',
            'actor_kind',
            'on_behalf_of',
            'auth_method',
            'target',
            'target_kind',
            'method',
            'outcome',
            'reason',
            'change_ref',
            'request_ref',
            'call_ref',
            'retention_class',
            'detail',
          ]),
        },
      }
    case 'sys': {
      const { err } = row.fields
      return {
        severityNumber: severityNumbers[row.level],
        severityText: row.level,
        eventName: row.event,
        body: row.event,
        attributes: { ...exceptionOf(err), ...prefixed(row, ['fields']) },
      }
    }
    case 'api': {
      const severityText = row.status >= 500 ? 'error' : row.status >= 400 ? 'warn' : 'info'
      return {
        severityNumber: severityNumbers[severityText],
        severityText,
        eventName: 'fasten.access',
        body: `${row.method} ${row.path} ${row.status}`,
        attributes: {
          'http.request.method': row.method,
          'url.path': row.path,
          'http.route': row.route,
          'http.response.status_code': row.status,
          'http.request.body.size': row.bytes_in,
          'http.response.body.size': row.bytes_out,
          'error.type': row.error,
          ...sourceOf(row.source),
          ...prefixed(row, ['actor', 'duration_us', 'detail']),
        },
      }
    }
  }
}

/** What every record says: which row it is, where it stands, and the hash that ties it to the evidence. */
function placeOf(row: ReaderRow): Attributes {
  return {
    'log.record.uid': row.id,
    'fasten.hash': row.hash ?? undefined,
    ...prefixed(row, [
      'request_id',
      'inbound_request_id',
      'caused_by',
      'tenant_id',
      'stream',
      'log',
      'monotonic_seq',
      'prev_hash',
      'boot_id',
      'boot_seq',
    ]),
  }
}

function sourceOf(
  source: { readonly ip?: string; readonly user_agent?: string; readonly device?: string } | undefined,
): Attributes {
  return {
    'client.address': source?.ip,
    'user_agent.original': source?.user_agent,
    'device.id': source?.device,
  }
}

function exceptionOf(err: JsonValue | undefined): Attributes {
  if (typeof err !== 'object' || err === null || !('message' in err)) return {}
  const { name, message, stack } = err as { readonly [member: string]: JsonValue | undefined }
  return { 'exception.type': name, 'exception.message': message, 'exception.stacktrace': stack }
}

/** Members of the row under our own namespace; what has a name in the semantic conventions is there beside. */
function prefixed(row: Row, members: readonly string[]): Attributes {
  const all = row as unknown as Attributes
  return Object.fromEntries(members.map((member) => [`fasten.${member}`, all[member]]))
}

function keyValues(attributes: Attributes): readonly KeyValue[] {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  )
}

function anyValue(value: JsonValue): AnyValue {
  if (value === null) return {}
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value === 'number')
    return Number.isSafeInteger(value) ? { intValue: String(value) } : { doubleValue: value }
  if (Array.isArray(value)) return { arrayValue: { values: (value as readonly JsonValue[]).map(anyValue) } }
  return { kvlistValue: { values: keyValues(value as Attributes) } }
}

/** `YYYY-MM-DDTHH:MM:SS.ffffffZ` in nanoseconds. */
function nanosOf(timestamp: string): string {
  const seconds = Date.parse(`${timestamp.slice(0, 19)}Z`) / 1000
  return `${seconds}${timestamp.slice(20, 26)}000`
}
