// SPDX-License-Identifier: Apache-2.0
import { isRowId, type StreamName } from 'fasten/core'
import type { Claim } from '../claims/claim.ts'
import {
  besideTextBytesMax,
  createFitting,
  eventCharsMax,
  fieldsBytesMax,
  type Fitting,
} from '../claims/fit.ts'
import { levelOfOtel, levelOfWord } from '../claims/levels.ts'
import { isName, isStream, ownAnchors, ownMembers, type Said } from '../claims/own-members.ts'
import type { OtlpRecord } from './log-record.ts'

/**
 * The row that a log record is. A record that the export of fasten made (docs/guides/opentelemetry.md) is the row that it was made of; any other is a sys row: the event's
 * name, else the text of the body, is its `event`, the scope its `logger`, attributes are its `fields` under their own names, and what else the record
 * says stands in `fields.otel`.
 *
 * Throws `NoRow` for a record that says to be a row and lacks what such a row must have.
 */
export function claimOfRecord(record: OtlpRecord): Claim {
  const { attributes, time, observed } = record
  const stream = attributes.values['fasten.stream']
  const uid = attributes.values['log.record.uid']
  const isRow = isStream(stream) && typeof uid === 'string' && isRowId(uid)
  const nanos = time === 0n ? observed : time
  return {
    ...(isRow ? rowOf(stream, record) : lineOf(record)),
    timestamp: nanos === 0n ? undefined : Number(nanos / 1000n),
  }
}

/** What a record that was a row says, by the names of a row's members. */
function rowOf(stream: StreamName, record: OtlpRecord): Omit<Claim, 'timestamp'> {
  const { values } = record.attributes
  const said = Object.create(null) as Record<string, unknown>
  for (const name in values) if (name.startsWith(ownPrefix)) said[name.slice(ownPrefix.length)] = values[name]
  Object.assign(said, {
    id: values['log.record.uid'],
    trace_id: record.trace_id,
    span_id: record.span_id,
    session_id: values['session.id'],
    service_id: record.resource.values['service.name'],
    source_node_id: record.resource.values['service.instance.id'],
    source: {
      ip: values['client.address'],
      user_agent: values['user_agent.original'],
      device: values['device.id'],
    },
  })
  if (stream === 'sys')
    Object.assign(said, {
      level: record.severityText,
      event: record.eventName,
      logger: record.scope.name === 'fasten' ? undefined : record.scope.name,
    })
  if (stream === 'api')
    Object.assign(said, {
      method: values['http.request.method'],
      path: values['url.path'],
      route: values['http.route'],
      status: values['http.response.status_code'],
      bytes_in: values['http.request.body.size'],
      bytes_out: values['http.response.body.size'],
      error: values['error.type'],
    })
  const detail = said[stream === 'sys' ? 'fields' : 'detail']
  return { ...ownAnchors(said, true), members: ownMembers(stream, said, isObject(detail) ? detail : {}) }
}

const ownPrefix = 'fasten.'

/** Attributes that the row says by a member of its own. */
const anchorNames = [
  'fasten.request_id',
  'request_id',
  'request.id',
  'fasten.tenant_id',
  'fasten.caused_by',
  'log.record.uid',
]

function lineOf(record: OtlpRecord): Omit<Claim, 'timestamp'> {
  const { attributes, resource, scope, body, severityNumber, severityText, eventName } = record
  const { values } = attributes
  const said: Record<string, unknown> = {
    // As the bridge to OpenTelemetry has it: the id of the request, else that of the trace.
    request_id: [
      values['fasten.request_id'],
      values['request_id'],
      values['request.id'],
      record.trace_id,
    ].find((id) => typeof id === 'string' && id !== ''),
    tenant_id: values['fasten.tenant_id'] ?? resource.values['fasten.tenant_id'],
    caused_by: values['fasten.caused_by'],
    trace_id: record.trace_id,
    span_id: record.span_id,
    service_id: resource.values['service.name'],
    source_node_id: resource.values['service.instance.id'],
  }
  const anchors = ownAnchors(said, false)
  const uid = values['log.record.uid']
  const level = levelOfOtel(severityNumber) ?? levelOfWord(severityText) ?? 'info'
  const text = typeof body === 'string' && body !== '' ? body : undefined
  const event = eventName === '' ? (text ?? 'log') : eventName
  const isTold = body === undefined || (body === event && event.length <= eventCharsMax)
  const fitting = createFitting()
  const fields = fieldsOf(record, level, fitting, anchors)
  if (!isTold) {
    const kept = fitting.takeValue(body, fieldsBytesMax - fitting.bytes())
    if (kept === undefined) fitting.leaveOut(1)
    else fields['body'] = kept
  }
  return {
    ...anchors,
    origin: { ...anchors.origin, ...(typeof uid === 'string' && isRowId(uid) ? { id: uid } : {}) },
    members: {
      stream: 'sys',
      level,
      event,
      ...(scope.name === '' ? {} : { logger: scope.name }),
      fields: Object.assign(fields, fitting.told()),
    },
  }
}

/** Attributes, and in `otel` what the record says beside; the former may not take the place of the latter, and stand in it then. */
function fieldsOf(
  record: OtlpRecord,
  level: string,
  fitting: Fitting,
  anchors: Pick<Claim, 'request_id' | 'tenant_id' | 'caused_by'>,
): Record<string, unknown> {
  const { attributes, resource, scope, severityNumber, severityText, time, observed } = record
  const own = Object.create(null) as Record<string, unknown>
  const displaced = Object.create(null) as Record<string, unknown>
  for (const name in attributes.values) {
    const value = attributes.values[name]
    if (anchorNames.includes(name) && isSaid(name, value, anchors)) continue
    if (reserved.has(name)) displaced[name] = value
    else own[name] = value
  }
  const { 'service.name': service, 'service.instance.id': instance, ...rest } = resource.values
  const around = {
    ...rest,
    ...(service === undefined || isName(service) ? {} : { 'service.name': service }),
    ...(instance === undefined || isName(instance) ? {} : { 'service.instance.id': instance }),
  }
  const otel: Record<string, unknown> = {
    ...(isStandard(severityNumber) ? {} : { severity_number: severityNumber }),
    ...(severityText === '' || severityText.toLowerCase() === level
      ? {}
      : { severity_text: fitting.takeValue(severityText, 256) }),
    ...(time !== 0n && observed !== 0n && observed / 1000n !== time / 1000n
      ? { observed_time_unix_nano: observed }
      : {}),
    ...(scope.version === '' ? {} : { scope_version: fitting.takeValue(scope.version, 256) }),
    ...(record.droppedAttributes === 0 ? {} : { dropped_attributes_count: record.droppedAttributes }),
    ...nonEmpty('scope', fitting.take(scope.attributes.values, 2_000)),
    ...nonEmpty('resource', fitting.take(around, 6_000)),
    ...nonEmpty('attributes', fitting.take(displaced, 2_000)),
  }
  fitting.leaveOut(attributes.leftOut + scope.attributes.leftOut + resource.leftOut)
  return Object.assign(fitting.take(own, besideTextBytesMax), nonEmpty('otel', otel))
}

const reserved: ReadonlySet<string> = new Set(['otel', 'body', '_cut', '_left_out'])

/** Whether a member of the row says it already. An id that could not be used stays where it was. */
function isSaid(
  name: string,
  value: unknown,
  { request_id, tenant_id, caused_by }: Pick<Claim, 'request_id' | 'tenant_id' | 'caused_by'>,
): boolean {
  if (name === 'log.record.uid') return isRowId(String(value))
  if (name === 'fasten.tenant_id') return value === tenant_id
  return value === (name === 'fasten.caused_by' ? caused_by : request_id)
}

/** The first number of each level says no more than the level does. */
const isStandard = (number: number): boolean => number === 0 || [5, 9, 13, 17, 21].includes(number)

const nonEmpty = (name: string, members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.keys(members).length === 0 ? {} : { [name]: members }

const isObject = (value: unknown): value is Said =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value)
