// SPDX-License-Identifier: Apache-2.0
import protobuf from 'protobufjs/minimal.js'
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

/**
 * The log records of an `ExportLogsServiceRequest` (opentelemetry-proto 1.x) in its binary form. What the body says is found before the first is answered; each
 * record is read when it is asked for, so that there is never more than one in memory, however many values a few bytes promise. Fields that are not known are
 * skipped. A record that is damaged within its bounds is told as such, and the next is read.
 *
 * Throws Problem 400 `BODY_MALFORMED` where the bounds themselves are damaged, 413 `BODY_TOO_LARGE` for more than `recordsMax` records, before any is answered.
 */
export function decodeProtobuf(body: Uint8Array): Iterable<DecodedRecord> {
  const found: [bytes: Uint8Array, resource: Attributes, scope: OtlpScope][] = []
  try {
    for (const place of recordsIn(body)) {
      if (found.push(place) > recordsMax) throw tooManyRecords()
    }
  } catch (cause) {
    if (!(cause instanceof Damaged)) throw cause
    throw new Problem(400, 'BODY_MALFORMED', 'the body is no ExportLogsServiceRequest in protobuf', { cause })
  }
  return Iterator.from(found).map(([bytes, resource, scope]) => recordOf(bytes, resource, scope))
}

/**
 * ExportLogsServiceRequest: 1 resource_logs. ResourceLogs: 1 resource, 2 scope_logs. ScopeLogs: 1 scope, 2 log_records. What is around records may come
 * behind them.
 */
function* recordsIn(
  body: Uint8Array,
): Generator<[bytes: Uint8Array, resource: Attributes, scope: OtlpScope]> {
  for (const { field: at, bytes: resourceLogs } of parts(body)) {
    if (at !== 1) continue
    const resource = last(resourceLogs, 1)
    const about = resource === undefined ? noAttributes : createReader().attributes(resource, 1)
    for (const { field: within, bytes: scopeLogs } of parts(resourceLogs)) {
      if (within !== 2) continue
      const scope = last(scopeLogs, 1)
      const around = scope === undefined ? noScope : scopeOf(scope)
      for (const { field, bytes } of parts(scopeLogs)) if (field === 2) yield [bytes, about, around]
    }
  }
}

function recordOf(bytes: Uint8Array, resource: Attributes, scope: OtlpScope): DecodedRecord {
  const sent = (): Uint8Array => bytes
  try {
    return { kind: 'record', record: { resource, scope, ...membersOf(bytes) }, sent }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error
    return { kind: 'malformed', message: 'the log record is no protobuf message', sent }
  }
}

/** Numbers of LogRecord's fields. */
const fieldOf = {
  time_unix_nano: 1,
  severity_number: 2,
  severity_text: 3,
  body: 5,
  attributes: 6,
  dropped_attributes_count: 7,
  trace_id: 9,
  span_id: 10,
  observed_time_unix_nano: 11,
  event_name: 12,
} as const

function membersOf(message: Uint8Array): Omit<OtlpRecord, 'resource' | 'scope'> {
  const numbers = new Map<number, bigint>()
  const texts = new Map<number, Uint8Array>()
  const values = createReader()
  const attributes = createAttributes()
  for (const { field, bytes, number } of fields(message)) {
    if (number !== undefined) numbers.set(field, number)
    else if (field === fieldOf.attributes) values.addPair(attributes, bytes, 0)
    else texts.set(field, bytes)
  }
  const text = (field: number): string => textOf(texts.get(field))
  const hex = (field: number): string => Buffer.from(texts.get(field) ?? nothing).toString('hex')
  const body = texts.get(fieldOf.body)
  return {
    time: numbers.get(fieldOf.time_unix_nano) ?? 0n,
    observed: numbers.get(fieldOf.observed_time_unix_nano) ?? 0n,
    severityNumber: Number(BigInt.asIntN(32, numbers.get(fieldOf.severity_number) ?? 0n)),
    severityText: text(fieldOf.severity_text),
    eventName: text(fieldOf.event_name),
    body: body === undefined ? undefined : values.value(body, 0),
    attributes: attributes.finish(),
    droppedAttributes: Number(BigInt.asUintN(32, numbers.get(fieldOf.dropped_attributes_count) ?? 0n)),
    trace_id: idIn(hex(fieldOf.trace_id), 32),
    span_id: idIn(hex(fieldOf.span_id), 16),
  }
}

/** InstrumentationScope: 1 name, 2 version, 3 attributes. */
const scopeOf = (bytes: Uint8Array): OtlpScope => ({
  name: textOf(last(bytes, 1)),
  version: textOf(last(bytes, 2)),
  attributes: createReader().attributes(bytes, 3),
})

interface ValueReader {
  attributes(message: Uint8Array, field: number): Attributes
  addPair(to: AttributeList, pair: Uint8Array, depth: number): void
  value(bytes: Uint8Array, depth: number): unknown
}

/** Reads the values of one record, up to `valuesMax` of them. */
function createReader(): ValueReader {
  let left = valuesMax

  /** AnyValue: 1 string, 2 bool, 3 int, 4 double, 5 array, 6 kvlist, 7 bytes. The last one counts; null for none. */
  function value(message: Uint8Array, depth: number): unknown {
    if (left-- <= 0) return tooMany
    let found: unknown = null
    for (const { field, wire, bytes, number } of fields(message)) {
      if (wire === delimited) {
        if (field === 1) found = textOf(bytes)
        else if (field === 5) found = list(bytes, depth + 1)
        else if (field === 6) found = object(bytes, depth + 1)
        else if (field === 7) found = bytes
      } else if (number !== undefined) {
        if (field === 2) found = number !== 0n
        else if (field === 3) found = wholeNumber(BigInt.asIntN(64, number))
        else if (field === 4 && wire === fixed64) found = doubleOf(number)
      }
    }
    return found
  }

  /** ArrayValue: 1 values. */
  function list(message: Uint8Array, depth: number): unknown {
    if (depth > depthMax) return tooDeep
    const items: unknown[] = []
    for (const { field, bytes } of parts(message))
      if (field === 1 && items.push(value(bytes, depth)) >= itemsMax) break
    return items
  }

  /** KeyValueList: 1 values. */
  function object(message: Uint8Array, depth: number): unknown {
    if (depth > depthMax) return tooDeep
    return attributes(message, 1, depth).values
  }

  function attributes(message: Uint8Array, of: number, depth = 0): Attributes {
    const found = createAttributes()
    for (const { field, bytes } of parts(message)) if (field === of) addPair(found, bytes, depth)
    return found.finish()
  }

  /** KeyValue: 1 key, 2 value. */
  function addPair(to: AttributeList, pair: Uint8Array, depth: number): void {
    const of = last(pair, 2)
    to.add(textOf(last(pair, 1)), () => (of === undefined ? null : value(of, depth)))
  }

  return { attributes, addPair, value }
}

interface Field {
  readonly field: number
  /** 0 varint, 1 eight bytes, 2 length and bytes, 5 four bytes. */
  readonly wire: number
  /** Of wire 2; else empty. */
  readonly bytes: Uint8Array
  /** Of the other wires: the bits, as an unsigned number. */
  readonly number: bigint | undefined
}

/** The fields of a message in their order; groups, which nobody sends any more, are skipped. */
function* fields(message: Uint8Array): Generator<Field> {
  const reader = protobuf.Reader.create(message)
  try {
    while (reader.pos < reader.len) {
      const tag = reader.uint32()
      const [field, wire] = [tag >>> 3, tag & 7]
      if (wire === delimited) yield { field, wire, bytes: reader.bytes(), number: undefined }
      else if (wire === varint) yield { field, wire, bytes: nothing, number: bitsOf(reader.uint64()) }
      else if (wire === fixed64) yield { field, wire, bytes: nothing, number: bitsOf(reader.fixed64()) }
      else if (wire === fixed32) yield { field, wire, bytes: nothing, number: BigInt(reader.fixed32()) }
      else reader.skipType(wire, 0, field)
    }
  } catch (cause) {
    // The library throws plain errors and RangeErrors, and nothing else is called in here.
    throw new Damaged('no protobuf message', { cause })
  }
}

/** Those of them that have bytes. */
function* parts(message: Uint8Array): Generator<Field> {
  for (const field of fields(message)) if (field.wire === delimited) yield field
}

/** The bytes of the field; of one that is there several times the last, as protobuf has it. */
function last(message: Uint8Array, of: number): Uint8Array | undefined {
  let found: Uint8Array | undefined
  for (const { field, bytes } of parts(message)) if (field === of) found = bytes
  return found
}

const varint = 0
const fixed64 = 1
const delimited = 2
const fixed32 = 5
const nothing = new Uint8Array()

/** Two halves, or a number where that is exact: as the library hands 64 bits out. */
const bitsOf = (bits: { readonly low: number; readonly high: number } | number): bigint =>
  typeof bits === 'number' ? BigInt(bits) : (BigInt(bits.high >>> 0) << 32n) | BigInt(bits.low >>> 0)

function doubleOf(bits: bigint): number {
  const view = new DataView(new ArrayBuffer(8))
  view.setBigUint64(0, bits)
  return view.getFloat64(0)
}

/** UTF-8; what is none of it becomes U+FFFD, as redaction has it. */
const textOf = (bytes: Uint8Array | undefined): string =>
  bytes === undefined ? '' : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8')

/** A length beyond the end, or what is no varint, tag or wire type. */
class Damaged extends Error {}
