// SPDX-License-Identifier: Apache-2.0
import { actorKinds, levels, outcomes, severities, streams, type StreamName } from '../core/row.ts'
import type { ScanFilter } from '../store/ports.ts'

/** What a parameter's text must look like. The parser, the OpenAPI document and the command line read the same entry. */
export type ParameterKind =
  | { readonly type: 'text'; readonly lengthMax: number }
  /** Exact, or a prefix when it ends in `*` or, where names are dotted, in a dot. */
  | { readonly type: 'prefix'; readonly lengthMax: number; readonly isDotted: boolean }
  | { readonly type: 'pattern'; readonly pattern: string; readonly meaning: string }
  | {
      readonly type: 'choice'
      readonly values: readonly string[]
      readonly aliases?: Readonly<Record<string, string>>
    }
  | { readonly type: 'integer'; readonly min: number; readonly max: number; readonly default?: number }
  /** RFC 3339, a date, `now`, or relative such as `-2h`. A bare date means its first instant in `since`, its last in `until`. */
  | { readonly type: 'time'; readonly edge: 'first' | 'last' }
  /** A filter parameter, a colon, and a value of it. */
  | { readonly type: 'exclusion' }
  /** A comma-separated subset of the streams. */
  | { readonly type: 'streams'; readonly default: readonly StreamName[] }

export interface Parameter {
  readonly name: string
  readonly kind: ParameterKind
  /** Streams whose rows it can select; all three for those that steer the answer. */
  readonly streams: readonly StreamName[]
  /** The member of `ScanFilter` it sets; absent for those that steer the answer. */
  readonly filter?: keyof ScanFilter
  /** May be given several times; the summary says what that means. */
  readonly isRepeatable?: true
  /** One sentence for every surface. */
  readonly summary: string
  readonly example: string
}

/** Optional members of a row that `has_flag` can ask for, by stream. */
export const flags: Readonly<Record<StreamName, readonly string[]>> = {
  audit: [
    'auth_method',
    'call_ref',
    'caused_by',
    'change_ref',
    'inbound_request_id',
    'on_behalf_of',
    'pii_in_detail',
    'reason',
    'request_ref',
    'sd',
    'session_id',
    'source',
    'span_id',
    'target_kind',
    'tenant_id',
    'trace_id',
  ],
  sys: ['caused_by', 'inbound_request_id', 'logger', 'span_id', 'tenant_id', 'trace_id'],
  api: [
    'actor',
    'bytes_in',
    'bytes_out',
    'caused_by',
    'error',
    'inbound_request_id',
    'route',
    'source',
    'span_id',
    'tenant_id',
    'trace_id',
  ],
}

const everyFlag = [...new Set(streams.flatMap((stream) => flags[stream]))].sort()

/** The longest `q` the published readers accept; ours is the same. */
export const searchTextMax = 1024

const text = (lengthMax = 256): ParameterKind => ({ type: 'text', lengthMax })

/** What selects rows. The order is that of every page of documentation. */
export const filterParameters: readonly Parameter[] = [
  {
    name: 'request_id',
    filter: 'request_id',
    streams,
    kind: {
      type: 'pattern',
      pattern: '^[A-Za-z0-9._:-]{1,128}$',
      meaning: '1 to 128 of A-Z a-z 0-9 . _ : -',
    },
    summary: 'Rows of one request, exactly this id.',
    example: '4f1c2a9be07d',
  },
  {
    name: 'id',
    filter: 'id',
    streams,
    kind: {
      type: 'pattern',
      pattern: '^evt-[0-9A-Za-z]{1,32}$',
      meaning: 'evt- and the letters and digits of a row id',
    },
    summary: 'The row with this id.',
    example: 'evt-01JZ5T8Q3MZV4W7J8E6KX0D2RA',
  },
  {
    name: 'trace_id',
    filter: 'trace_id',
    streams,
    kind: { type: 'pattern', pattern: '^[0-9a-f]{32}$', meaning: '32 lower-case hex characters' },
    summary: 'Rows of one W3C trace.',
    example: '0af7651916cd43dd8448eb211c80319c',
  },
  {
    name: 'tenant_id',
    filter: 'tenant_id',
    streams,
    kind: text(128),
    summary: 'Rows of one tenant.',
    example: 'acme',
  },
  {
    name: 'service_id',
    filter: 'service_id',
    streams,
    kind: text(128),
    summary: 'Rows of one service.',
    example: 'gateway',
  },
  {
    name: 'source_node_id',
    filter: 'source_node_id',
    streams,
    kind: text(128),
    summary: 'Rows of one node.',
    example: 'edge-07',
  },
  {
    name: 'log',
    filter: 'log',
    streams,
    kind: text(1024),
    summary: 'Rows of one log, by its full name.',
    example: 'acme/gateway/edge-07/audit',
  },
  {
    name: 'since',
    filter: 'since',
    streams,
    kind: { type: 'time', edge: 'first' },
    summary: 'Rows at or after this time: RFC 3339, a date, `now`, or relative such as `-2h`.',
    example: '-2h',
  },
  {
    name: 'until',
    filter: 'until',
    streams,
    kind: { type: 'time', edge: 'last' },
    summary: 'Rows at or before this time; a bare date includes its whole day.',
    example: '2026-09-30',
  },
  {
    name: 'q',
    filter: 'text',
    streams,
    kind: text(searchTextMax),
    summary: 'Case-insensitive substring of the row as JSON text. Needs `since`.',
    example: 'refund failed',
  },
  {
    name: 'code',
    filter: 'code',
    streams: ['audit'],
    kind: { type: 'prefix', lengthMax: 128, isDotted: false },
    summary: 'Code of the event; a trailing `*` matches every code that starts so.',
    example: 'USER_*',
  },
  {
    name: 'action',
    filter: 'action',
    streams: ['audit'],
    kind: { type: 'prefix', lengthMax: 128, isDotted: true },
    summary: 'Action of the event; a trailing `*` or `.` matches every action that starts so.',
    example: 'user.*',
  },
  {
    name: 'domain',
    filter: 'domain',
    streams: ['audit'],
    kind: text(128),
    summary: 'Domain of the code.',
    example: 'identity',
  },
  {
    name: 'category',
    filter: 'category',
    streams: ['audit'],
    kind: text(128),
    summary: 'Category of the code.',
    example: 'user',
  },
  {
    name: 'severity',
    filter: 'severity',
    streams: ['audit'],
    kind: { type: 'choice', values: severities },
    summary: 'Severity of the event.',
    example: 'critical',
  },
  {
    name: 'actor',
    filter: 'actor',
    streams: ['audit', 'api'],
    kind: text(),
    summary: 'Who did it.',
    example: 'u-42',
  },
  {
    name: 'actor_kind',
    filter: 'actor_kind',
    streams: ['audit'],
    kind: { type: 'choice', values: actorKinds, aliases: { schedule: 'scheduler' } },
    summary: 'What kind of actor did it.',
    example: 'agent',
  },
  {
    name: 'on_behalf_of',
    filter: 'on_behalf_of',
    streams: ['audit'],
    kind: text(),
    summary: 'For whom the actor acted.',
    example: 'u-7',
  },
  {
    name: 'target',
    filter: 'target',
    streams: ['audit'],
    kind: text(1024),
    summary: 'What it was done to.',
    example: 'order/42',
  },
  {
    name: 'outcome',
    filter: 'outcome',
    streams: ['audit'],
    kind: { type: 'choice', values: outcomes },
    summary: 'How it ended.',
    example: 'denied',
  },
  {
    name: 'has_flag',
    filter: 'has',
    streams,
    isRepeatable: true,
    kind: { type: 'choice', values: everyFlag },
    summary: 'Rows that carry this optional member; repeat it to require several.',
    example: 'pii_in_detail',
  },
  {
    name: 'caused_by',
    filter: 'caused_by',
    streams,
    isRepeatable: true,
    kind: {
      type: 'pattern',
      pattern: '^evt-[0-9A-Za-z]{1,32}$',
      meaning: 'evt- and the letters and digits of a row id',
    },
    summary: 'Rows that the row with this id caused; repeat it for those of several.',
    example: 'evt-01JZ5T8Q3MZV4W7J8E6KX0D2RA',
  },
  {
    name: 'level',
    filter: 'level',
    streams: ['sys'],
    kind: { type: 'choice', values: levels, aliases: { warning: 'warn', critical: 'fatal' } },
    summary: 'Level of the log line.',
    example: 'error',
  },
  {
    name: 'event',
    filter: 'event',
    streams: ['sys'],
    kind: text(1024),
    summary: 'Name of the logged event.',
    example: 'order_placed',
  },
  {
    name: 'logger',
    filter: 'logger',
    streams: ['sys'],
    kind: text(),
    summary: 'Name of the logger.',
    example: 'billing',
  },
  {
    name: 'method',
    filter: 'method',
    streams: ['audit', 'api'],
    kind: text(64),
    summary:
      'How an audited action arrived (`http`, `mqtt`, …), or the verb of an api row (`GET`, `PUBLISH`, …).',
    example: 'http',
  },
  {
    name: 'path',
    filter: 'path',
    streams: ['api'],
    kind: text(2048),
    summary: 'Path of the request, without query string.',
    example: '/users/42',
  },
  {
    name: 'route',
    filter: 'route',
    streams: ['api'],
    kind: text(1024),
    summary: 'Pattern of the route that answered.',
    example: '/users/:id',
  },
  {
    name: 'status',
    filter: 'status',
    streams: ['api'],
    kind: { type: 'integer', min: 100, max: 599 },
    summary: 'HTTP status of the answer.',
    example: '502',
  },
  {
    name: 'not',
    filter: 'not',
    streams,
    isRepeatable: true,
    kind: { type: 'exclusion' },
    summary:
      'Leaves out rows with this value of a parameter, as `field:value`; rows that have none stay. Repeat it to leave out more.',
    example: 'code:ORDER_PAID',
  },
]

/** What steers an answer without selecting rows. */
export const steering = {
  disclose: {
    name: 'disclose',
    streams: ['audit'],
    kind: { type: 'choice', values: ['true', 'false'] },
    summary:
      'Show personal values under `disclosures`. Needs the permission audit:disclose, and leaves a row VALUES_DISCLOSED.',
    example: 'true',
  },
  limit: {
    name: 'limit',
    streams,
    kind: { type: 'integer', min: 1, max: 1000, default: 100 },
    summary: 'How many rows at most.',
    example: '100',
  },
  offset: {
    name: 'offset',
    streams,
    kind: { type: 'integer', min: 0, max: 100_000, default: 0 },
    summary: 'Rows to skip; costs what it skips, so prefer `cursor`.',
    example: '200',
  },
  cursor: {
    name: 'cursor',
    streams,
    kind: {
      type: 'pattern',
      pattern: '^[A-Za-z0-9_-]{1,2048}$',
      meaning: 'the `next_cursor` of an earlier page, unchanged',
    },
    summary: 'Continue after an earlier page: its `next_cursor`, with the same filters.',
    example: 'WyJwMSIs',
  },
  after: {
    name: 'after',
    streams,
    kind: { type: 'integer', min: 1, max: Number.MAX_SAFE_INTEGER },
    summary:
      'Continue after an earlier page: its `next_after`. Kept for the published clients; prefer `cursor`.',
    example: '8414',
  },
  order: {
    name: 'order',
    streams,
    kind: { type: 'choice', values: ['newest', 'oldest'] },
    summary: 'Which rows come first; `newest` unless said otherwise.',
    example: 'oldest',
  },
  total: {
    name: 'total',
    streams,
    kind: { type: 'choice', values: ['none', 'bounded', 'estimated', 'exact'] },
    summary:
      'How hard to count: not at all, up to 10,000 rows (the default of a first page), with an estimate beyond these, or exactly.',
    example: 'exact',
  },
  streams: {
    name: 'streams',
    streams,
    kind: { type: 'streams', default: streams },
    summary: 'Comma-separated subset of audit, sys and api.',
    example: 'audit,sys',
  },
  stream: {
    name: 'stream',
    streams,
    kind: { type: 'choice', values: streams },
    summary: 'One of audit, sys and api.',
    example: 'audit',
  },
  from_seq: {
    name: 'from_seq',
    streams,
    kind: { type: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER },
    summary: 'First row to check, by its place in the log.',
    example: '0',
  },
  to_seq: {
    name: 'to_seq',
    streams,
    kind: { type: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER },
    summary: 'Last row to check, inclusive.',
    example: '8414',
  },
  monotonic_seq: {
    name: 'monotonic_seq',
    streams,
    kind: { type: 'integer', min: 0, max: Number.MAX_SAFE_INTEGER },
    summary: 'The place of the row in its log.',
    example: '8414',
  },
  backlog: {
    name: 'backlog',
    streams,
    kind: { type: 'integer', min: 0, max: 1000, default: 0 },
    summary: 'Rows of each stream to show from before now.',
    example: '20',
  },
  resume: {
    name: 'resume',
    streams,
    kind: {
      type: 'pattern',
      pattern: '^[A-Za-z0-9_-]{1,2048}$',
      meaning: 'the id of an earlier event, unchanged',
    },
    summary: 'Continue after an earlier event of the same tail; the `Last-Event-ID` header says the same.',
    example: 'WyJ0MSIs',
  },
  format: {
    name: 'format',
    streams,
    kind: { type: 'choice', values: ['ndjson', 'csv'] },
    summary: 'One JSON object a line, or comma-separated values safe to open in a spreadsheet.',
    example: 'csv',
  },
} as const satisfies Readonly<Record<string, Parameter>>

/** The filter parameters that select rows of `stream`. */
export function filtersOf(stream: StreamName): readonly Parameter[] {
  return filterParameters.filter((parameter) => parameter.streams.includes(stream))
}

/** The filter parameter of this name, whatever its streams. */
export function filterNamed(name: string): Parameter | undefined {
  return filterParameters.find((parameter) => parameter.name === name)
}

/** The filter as rows of `stream` spell it: HTTP verbs are stored in upper case. */
export function forStream(filter: ScanFilter, stream: StreamName): ScanFilter {
  if (stream !== 'api') return filter
  const upper = <F extends Pick<ScanFilter, 'method'>>(one: F): F =>
    one.method === undefined ? one : { ...one, method: one.method.toUpperCase() }
  return filter.not === undefined ? upper(filter) : { ...upper(filter), not: filter.not.map(upper) }
}

const streamsByFilter: ReadonlyMap<string, readonly StreamName[]> = new Map(
  filterParameters.map(({ filter, streams: on }) => [String(filter), on]),
)

/**
 * True when rows of `stream` have every member that `filter` asks for. Where it is false no row can match, and no store
 * needs to be asked.
 */
export function canMatch(stream: StreamName, filter: ScanFilter): boolean {
  for (const [member, value] of Object.entries(filter)) {
    if (value === undefined) continue
    if (streamsByFilter.get(member)?.includes(stream) === false) return false
  }
  return (
    filter.has === undefined ||
    filter.has.every((flag) => flags[stream].includes(flag) || !everyFlag.includes(flag))
  )
}
