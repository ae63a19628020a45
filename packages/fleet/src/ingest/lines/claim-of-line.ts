// SPDX-License-Identifier: Apache-2.0
import type { Level, StreamName } from 'fasten/core'
import type { Claim } from '../claims/claim.ts'
import { besideTextBytesMax, createFitting, eventCharsMax, fieldsBytesMax } from '../claims/fit.ts'
import { levelOfSyslog, levelOfTens, levelOfWord } from '../claims/levels.ts'
import { isHex, isStream, ownAnchors, ownMembers, type Said } from '../claims/own-members.ts'
import { microsOf } from './micros-of.ts'

/**
 * The row that a line of JSON is. One that says `stream` (or, as our own lines do, `shape`) audit, sys or api and has what such a row must have is that row. Any
 * other is a sys row: time, level, text, logger, service and ids are found under the names by which common loggers write them, and everything that is not said by
 * a member of the row then stays in `fields` as it was.
 *
 * Throws `NoRow` for a line that says to be a row and lacks what such a row must have.
 */
export function claimOfLine(line: Said): Claim {
  const stream = isStream(line['shape']) ? line['shape'] : line['stream']
  return isStream(stream) && isOwn(stream, line) ? rowOf(stream, line) : logOf(line)
}

/** Others have members of these names, too: `stream` is where a container printed a line to. */
const isOwn = (stream: StreamName, line: Said): boolean =>
  stream === 'audit' ? 'code' in line : stream === 'sys' ? typeof line['event'] === 'string' : 'path' in line

function rowOf(stream: StreamName, line: Said): Claim {
  const detail = line[stream === 'sys' ? 'fields' : 'detail']
  const fitting = createFitting()
  const given = isObject(detail) ? detail : detail === undefined || detail === null ? {} : { value: detail }
  // A row of ours fits as it is; what somebody else calls one may not.
  const kept = fitting.take({ ...given, ...foreignTo(stream, line) }, ownBytesMax)
  return {
    ...ownAnchors(line, true),
    members: ownMembers(stream, line, Object.assign(kept, fitting.told())),
    timestamp: microsOf(line['timestamp']),
  }
}

const ownBytesMax = 49_000

/** Members that no row has: they are said beside, and not lost. */
function foreignTo(stream: StreamName, line: Said): Record<string, unknown> {
  const beside = Object.create(null) as Record<string, unknown>
  if (stream === 'api') return beside
  for (const name in line) if (!ownNames.has(name)) beside[name] = line[name]
  return Object.keys(beside).length === 0 ? beside : { _beside: beside }
}

const ownNames: ReadonlySet<string> = new Set(
  (
    'shape stream canonical_form_id wire_version id log monotonic_seq prev_hash hash boot_id boot_seq timestamp service_id source_node_id tenant_id ' +
    'request_id inbound_request_id trace_id span_id caused_by code action severity domain category actor actor_kind on_behalf_of auth_method ' +
    'session_id target target_kind method outcome reason change_ref request_ref call_ref source retention_class pii_in_detail detail sd ' +
    'level event logger fields path route status duration_us duration_ms bytes_in bytes_out error origin verification'
  ).split(' '),
)

function logOf(line: Said): Claim {
  const taken = new Set<string>()
  const found = {
    timestamp: timeIn(line, taken),
    level: levelIn(line, taken),
    event: first(line, taken, eventNames, (value) =>
      typeof value === 'string' && value !== '' ? value : undefined,
    ),
    logger: loggerIn(line, taken),
  }
  const anchors = ownAnchors(
    {
      request_id: first(line, taken, requestNames, idIn),
      trace_id: first(line, taken, traceNames, traceIn),
      span_id: first(line, taken, spanNames, (value) => hexIn(value, 16)),
      service_id: first(line, taken, serviceNames, nameIn),
      source_node_id: first(line, taken, ['source_node_id'], nameIn),
      tenant_id: first(line, taken, ['tenant_id'], nameIn),
    },
    false,
  )
  const event = found.event ?? 'log'
  const fitting = createFitting()
  const rest = Object.create(null) as Record<string, unknown>
  for (const name in line) if (!taken.has(name)) rest[name] = line[name]
  const isLong = event.length > eventCharsMax
  const fields = fitting.take(rest, isLong ? besideTextBytesMax : fieldsBytesMax)
  if (isLong) fields['message'] ??= fitting.takeValue(event, fieldsBytesMax - fitting.bytes())
  return {
    ...anchors,
    timestamp: found.timestamp,
    members: {
      stream: 'sys',
      level: found.level ?? 'info',
      event,
      ...(found.logger === undefined ? {} : { logger: found.logger }),
      fields: Object.assign(fields, fitting.told()),
    },
  }
}

/** What is nested is named with dots, as ECS and OpenTelemetry name it: `log.level` is that, or `level` in `log`. */
const timeNames = [
  '@timestamp',
  'timestamp',
  'time',
  'ts',
  'datetime',
  'date',
  '__REALTIME_TIMESTAMP',
] as const
const levelNames = ['level', 'log.level', 'severity', 'levelname', 'lvl', 'loglevel', 'PRIORITY'] as const
const eventNames = ['event', 'msg', 'message', 'MESSAGE', 'log', 'textPayload', 'short_message'] as const
const requestNames = [
  'request_id',
  'requestId',
  'req_id',
  'http.request.id',
  'correlation_id',
  'correlationId',
] as const
const traceNames = ['trace_id', 'traceId', 'trace.id', 'otelTraceID', 'logging.googleapis.com/trace'] as const
const spanNames = ['span_id', 'spanId', 'span.id', 'otelSpanID', 'logging.googleapis.com/spanId'] as const
const serviceNames = ['service_id', 'service.name', 'service'] as const

/**
 * The first of these members from which something can be read. It is then taken: its name, so that it does not stand in `fields` as well, unless it is one
 * of several in an object.
 */
function first<T>(
  line: Said,
  taken: Set<string>,
  names: readonly string[],
  read: (value: unknown) => T | undefined,
): T | undefined {
  for (const name of names) {
    if (Object.hasOwn(line, name)) {
      const value = read(line[name])
      if (value === undefined) continue
      taken.add(name)
      return value
    }
    const dot = name.indexOf('.')
    const [outer, inner] = [name.slice(0, dot), name.slice(dot + 1)]
    const holder = dot > 0 && Object.hasOwn(line, outer) ? line[outer] : undefined
    const value = isObject(holder) ? read(reach(holder, inner)) : undefined
    if (value !== undefined) return value
  }
  return undefined
}

/** `request.id` in `http` is `id` in `request` in `http`, or just that. */
function reach(holder: Said, path: string): unknown {
  if (Object.hasOwn(holder, path)) return holder[path]
  const dot = path.indexOf('.')
  const next = dot > 0 && Object.hasOwn(holder, path.slice(0, dot)) ? holder[path.slice(0, dot)] : undefined
  return isObject(next) ? reach(next, path.slice(dot + 1)) : undefined
}

function timeIn(line: Said, taken: Set<string>): number | undefined {
  const { timestampSeconds, timestampNanos } = line
  if (typeof timestampSeconds === 'number' && typeof timestampNanos === 'number') {
    const micros = microsOf({ seconds: timestampSeconds, nanos: timestampNanos })
    if (micros !== undefined) {
      taken.add('timestampSeconds').add('timestampNanos')
      return micros
    }
  }
  return first(line, taken, timeNames, microsOf)
}

/** Left in `fields` too where it says more than the level that it becomes: `notice`, `CRITICAL`, 35. */
function levelIn(line: Said, taken: Set<string>): Level | undefined {
  const before = new Set(taken)
  let isExact = true
  const level = first(line, taken, levelNames, (value) => {
    if (typeof value === 'string') {
      const isSyslog = /^[0-7]$/.test(value)
      const found = isSyslog ? levelOfSyslog(Number(value)) : levelOfWord(value)
      isExact = !isSyslog && found === value.trim().toLowerCase()
      return found
    }
    if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
    isExact = [20, 30, 40, 50, 60].includes(value)
    return value < 8 ? levelOfSyslog(value) : levelOfTens(value)
  })
  if (level !== undefined && !isExact) for (const name of taken) if (!before.has(name)) taken.delete(name)
  return level
}

/** `name` is the logger's in what pino, bunyan and Python write, and anything at all in other lines. */
function loggerIn(line: Said, taken: Set<string>): string | undefined {
  const isLoggers = typeof line['level'] === 'number' || Object.hasOwn(line, 'levelname')
  const names = ['logger', 'logger_name', 'log.logger', ...(isLoggers ? ['name'] : [])]
  return first(line, taken, names, (value) => (typeof value === 'string' && value !== '' ? value : undefined))
}

const idIn = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= 128 ? value : undefined

const nameIn = (value: unknown): string | undefined =>
  typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,128}$/u.test(value) ? value : undefined

function hexIn(value: unknown, digits: 16 | 32): string | undefined {
  const text = typeof value === 'string' ? value.toLowerCase() : undefined
  return isHex(text, digits) ? text : undefined
}

/** A trace id, also as Google writes it: `projects/<project>/traces/<id>`. */
const traceIn = (value: unknown): string | undefined =>
  hexIn(typeof value === 'string' ? value.replace(/^projects\/[^/]{1,64}\/traces\//, '') : value, 32)

const isObject = (value: unknown): value is Said =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
