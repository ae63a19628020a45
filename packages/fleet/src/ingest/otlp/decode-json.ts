// SPDX-License-Identifier: Apache-2.0
import { readJson } from 'fasten/core'
import { Problem } from '../../web/problem.ts'
import {
  createAttributes,
  depthMax,
  idIn,
  itemsMax,
  noAttributes,
  noScope,
  recordsMax,
  tooDeep,
  tooMany,
  tooManyRecords,
  valuesMax,
  wholeNumber,
  type AttributeList,
  type Attributes,
  type DecodedRecord,
  type OtlpRecord,
  type OtlpScope,
} from './log-record.ts'

/** Objects, lists and members that the JSON of one request may have: each costs many times its bytes once it is parsed. */
export const membersMax = 2_000_000

/**
 * The log records of an `ExportLogsServiceRequest` in OTLP's JSON form: names in lowerCamelCase, ids in hex, 64-bit numbers as texts or numbers, enums as
 * numbers, bytes in base64. Members that are not known, and those that are null, are as if they were not there. A record in which something is of
 * another form is told as such, and the next is read.
 *
 * Throws Problem 400 `BODY_MALFORMED` for what is no JSON in UTF-8, or has something else where the lists should be; 413 `BODY_TOO_LARGE` for more than `membersMax`
 * members, before it is parsed, and for more than `recordsMax` records; both before any is answered.
 */
export function decodeJson(body: Uint8Array): Iterable<DecodedRecord> {
  const found: [record: unknown, resource: Around<Attributes>, scope: Around<OtlpScope>][] = []
  for (const each of listOf(objectOf(parsed(body), 'the body')['resourceLogs'], 'resourceLogs')) {
    const resourceLogs = objectOf(each, 'resourceLogs')
    const resource = around(() => attributesOf(optional(resourceLogs['resource'])?.['attributes']))
    for (const inner of listOf(resourceLogs['scopeLogs'], 'scopeLogs')) {
      const scopeLogs = objectOf(inner, 'scopeLogs')
      const scope = around(() => scopeOf(optional(scopeLogs['scope'])))
      for (const record of listOf(scopeLogs['logRecords'], 'logRecords'))
        if (found.push([record, resource, scope]) > recordsMax) throw tooManyRecords()
    }
  }
  return Iterator.from(found).map(([record, resource, scope]) => recordOf(record, resource, scope))
}

type Json = Readonly<Record<string, unknown>>

function parsed(body: Uint8Array): unknown {
  if (membersIn(body) > membersMax)
    throw new Problem(413, 'BODY_TOO_LARGE', `the body has more than ${membersMax} members`)
  try {
    return readJson(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (cause) {
    // A SyntaxError, or the decoder's TypeError. Node's message quotes what was sent.
    throw malformed('the body is no JSON in UTF-8', cause)
  }
}

/** How many values a parser would make, at most: one for each `{`, `[` and `,` outside of texts. */
function membersIn(bytes: Uint8Array): number {
  let count = 0
  let isInText = false
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]
    if (byte === quote) isInText = !isInText
    else if (isInText) {
      if (byte === backslash) at++
    } else if (byte === comma || byte === brace || byte === bracket) count++
  }
  return count
}

const [quote, comma, bracket, backslash, brace] = [0x22, 0x2c, 0x5b, 0x5c, 0x7b]

function recordOf(value: unknown, resource: Around<Attributes>, scope: Around<OtlpScope>): DecodedRecord {
  const sent = (): Uint8Array => Buffer.from(JSON.stringify(value) ?? 'null')
  try {
    const known = { resource: readOf(resource), scope: readOf(scope) }
    return { kind: 'record', record: { ...known, ...membersOf(objectOf(value, 'a log record')) }, sent }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { kind: 'malformed', message: error.message, sent }
  }
}

function membersOf(record: Json): Omit<OtlpRecord, 'resource' | 'scope'> {
  const values = createReader()
  return {
    time: wholeOf(record['timeUnixNano'], 'timeUnixNano', uint64),
    observed: wholeOf(record['observedTimeUnixNano'], 'observedTimeUnixNano', uint64),
    severityNumber: Number(wholeOf(record['severityNumber'], 'severityNumber', int32)),
    severityText: textOf(record['severityText'], 'severityText'),
    eventName: textOf(record['eventName'], 'eventName'),
    body: isAbsent(record['body']) ? undefined : values.value(record['body'], 0),
    attributes: values.attributes(record['attributes'], 0),
    droppedAttributes: Number(wholeOf(record['droppedAttributesCount'], 'droppedAttributesCount', uint32)),
    trace_id: idIn(textOf(record['traceId'], 'traceId').toLowerCase(), 32),
    span_id: idIn(textOf(record['spanId'], 'spanId').toLowerCase(), 16),
  }
}

const scopeOf = (scope: Json | undefined): OtlpScope =>
  scope === undefined
    ? noScope
    : {
        name: textOf(scope['name'], 'name'),
        version: textOf(scope['version'], 'version'),
        attributes: attributesOf(scope['attributes']),
      }

const attributesOf = (list: unknown): Attributes =>
  isAbsent(list) ? noAttributes : createReader().attributes(list, 0)

interface ValueReader {
  attributes(list: unknown, depth: number): Attributes
  value(value: unknown, depth: number): unknown
}

/** Reads the values of one record, up to `valuesMax` of them. */
function createReader(): ValueReader {
  let left = valuesMax

  function value(given: unknown, depth: number): unknown {
    if (left-- <= 0) return tooMany
    const { stringValue, boolValue, intValue, doubleValue, arrayValue, kvlistValue, bytesValue } =
      optional(given) ?? {}
    if (!isAbsent(stringValue)) return textOf(stringValue, 'stringValue')
    if (!isAbsent(boolValue)) {
      if (typeof boolValue !== 'boolean') throw new Malformed('boolValue is no boolean')
      return boolValue
    }
    if (!isAbsent(intValue)) return wholeNumber(wholeOf(intValue, 'intValue', int64))
    if (!isAbsent(doubleValue)) return doubleOf(doubleValue)
    if (!isAbsent(arrayValue)) return list(optional(arrayValue)?.['values'], depth + 1)
    if (!isAbsent(kvlistValue)) {
      if (depth >= depthMax) return tooDeep
      return attributes(optional(kvlistValue)?.['values'], depth + 1).values
    }
    return isAbsent(bytesValue) ? null : bytesOf(textOf(bytesValue, 'bytesValue'))
  }

  function list(given: unknown, depth: number): unknown {
    if (depth > depthMax) return tooDeep
    return listOf(given, 'values')
      .slice(0, itemsMax)
      .map((item) => value(item, depth))
  }

  function attributes(given: unknown, depth: number): Attributes {
    const found: AttributeList = createAttributes()
    for (const pair of listOf(given, 'attributes')) {
      const { key, value: of } = objectOf(pair, 'an attribute')
      found.add(textOf(key, 'key'), () => value(of, depth))
    }
    return found.finish()
  }

  return { attributes, value }
}

const isAbsent = (value: unknown): value is null | undefined => value === undefined || value === null

/** Of something that is not of the form it should have; the message names it and not what it holds. */
class Malformed extends Problem {
  constructor(what: string, cause?: unknown) {
    super(400, 'BODY_MALFORMED', what, cause === undefined ? {} : { cause })
  }
}
const malformed = (what: string, cause?: unknown): Problem => new Malformed(what, cause)

function objectOf(value: unknown, what: string): Json {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Json
  throw malformed(`${what} is no object`)
}

const optional = (value: unknown): Json | undefined =>
  isAbsent(value) ? undefined : objectOf(value, 'a member')

function listOf(value: unknown, what: string): readonly unknown[] {
  if (isAbsent(value)) return []
  if (Array.isArray(value)) return value
  throw malformed(`${what} is no list`)
}

function textOf(value: unknown, what: string): string {
  if (isAbsent(value)) return ''
  if (typeof value === 'string') return value
  throw malformed(`${what} is no text`)
}

type Range = readonly [from: bigint, to: bigint]
const uint64: Range = [0n, 2n ** 64n - 1n]
const int64: Range = [-(2n ** 63n), 2n ** 63n - 1n]
const uint32: Range = [0n, 2n ** 32n - 1n]
const int32: Range = [-(2n ** 31n), 2n ** 31n - 1n]

/** Of a text or a number, which is exact up to 2^53 only: what a sender lost before, nobody can tell. */
function wholeOf(value: unknown, what: string, [from, to]: Range): bigint {
  if (isAbsent(value)) return 0n
  const isWhole =
    typeof value === 'number'
      ? Number.isInteger(value)
      : typeof value === 'string' && /^-?\d{1,20}$/.test(value)
  const whole = isWhole ? BigInt(value as number | string) : undefined
  if (whole !== undefined && whole >= from && whole <= to) return whole
  throw malformed(`${what} is no whole number of its size`)
}

/** A number, or one of the texts that JSON has no number for. */
function doubleOf(value: unknown): number {
  if (typeof value === 'number') return value
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  if (typeof value === 'string' && value !== '' && value.length < 64 && Number.isFinite(Number(value)))
    return Number(value)
  throw malformed('doubleValue is no number')
}

function bytesOf(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/_-]*={0,2}$/.test(text)) throw malformed('bytesValue is no base64')
  return Buffer.from(text, 'base64')
}

/** What stands around records: read once, and where it cannot be, each of them says so. */
type Around<T> = { readonly value: T } | { readonly error: Malformed }

function around<T>(read: () => T): Around<T> {
  try {
    return { value: read() }
  } catch (error) {
    if (!(error instanceof Malformed)) throw error
    return { error }
  }
}

function readOf<T>(of: Around<T>): T {
  if ('error' in of) throw of.error
  return of.value
}
