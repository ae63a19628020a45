// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Problem } from '../../web/problem.ts'
import { decodeJson, membersMax } from './decode-json.ts'
import { decodeProtobuf } from './decode-protobuf.ts'
import { anyValue, attributes, protobufOf, requestOf, type Json } from './fixtures/export-request.ts'
import type { DecodedRecord } from './log-record.ts'

const jsonOf = (request: unknown): Buffer => Buffer.from(JSON.stringify(request))
const plain = (decoded: Iterable<DecodedRecord>): readonly unknown[] =>
  [...decoded].map((each) => (each.kind === 'record' ? each.record : each.message))
const codeOf = (decode: () => unknown): unknown => {
  try {
    return decode()
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return error.code
  }
}

const value: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.string(),
    fc.boolean(),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    fc.double({ noNaN: true, noDefaultInfinity: true }).filter((number) => !Number.isInteger(number)),
    fc.uint8Array({ maxLength: 8 }),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string(), tie('value'), { maxKeys: 4 }),
  ),
})).value

const record = fc.record(
  {
    timeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    observedTimeUnixNano: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String),
    severityNumber: fc.integer({ min: -1, max: 30 }),
    severityText: fc.string(),
    eventName: fc.string(),
    body: value.map(anyValue),
    attributes: fc.dictionary(fc.string(), value, { maxKeys: 5 }).map((of) => attributes(of)),
    droppedAttributesCount: fc.nat(),
    traceId: fc.constantFrom('4bf92f3577b34da6a3ce929d0e0e4736', '00000000000000000000000000000000', ''),
    spanId: fc.constantFrom('00f067aa0ba902b7', '0000000000000000', ''),
  },
  { requiredKeys: [] },
)

test('what is sent in JSON and in protobuf is the same records', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 4 }),
      fc.dictionary(fc.string(), value, { maxKeys: 3 }),
      (records, resource) => {
        const request = requestOf(records, { resource })
        const [json, binary] = [
          plain(decodeJson(jsonOf(request))),
          plain(decodeProtobuf(protobufOf(request))),
        ]
        assert.deepEqual(binary, json)
        assert.equal(json.length, records.length)
      },
    ),
    { numRuns: 60 },
  )
})

test('whatever bytes come, the answer is records or a refusal with a code', () => {
  const body = protobufOf(requestOf([{ body: anyValue('x'), attributes: attributes({ a: [1, { b: 2 }] }) }]))
  const damaged = fc.tuple(fc.nat(), fc.nat(255), fc.boolean()).map(([at, byte, isCut]) => {
    const copy = new Uint8Array(body)
    const place = at % copy.length
    if (isCut) return copy.subarray(0, place)
    copy[place] = byte
    return copy
  })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      codeOf(() => plain(decodeProtobuf(bytes)))
      codeOf(() => plain(decodeJson(bytes)))
    }),
  )
})

test('resource and scope may stand behind their records, and what nobody knows is skipped', () => {
  const request = requestOf([{ body: anyValue('x') }])
  const [known] = plain(decodeJson(jsonOf(request)))
  const { resourceLogs } = request as { readonly resourceLogs: readonly Json[] }
  const [{ resource, scopeLogs } = {}] = resourceLogs
  const turned = jsonOf({ new: 1, resourceLogs: [{ scopeLogs, schemaUrl: 'x', resource, entityRefs: [] }] })
  assert.deepEqual(plain(decodeJson(turned)), [known])
  // ResourceLogs with its two fields the other way around, a field 15 of each wire type in front of them.
  const inner = Buffer.from(protobufOf(request)).subarray(2)
  const length = (inner[1] ?? 0) + 2
  const unknown = Buffer.from([0x78, 1, 0x79, 1, 2, 3, 4, 5, 6, 7, 8, 0x7a, 1, 9, 0x7d, 1, 2, 3, 4])
  const swapped = Buffer.concat([unknown, inner.subarray(length), inner.subarray(0, length)])
  assert.deepEqual(plain(decodeProtobuf(Buffer.concat([Buffer.from([0x0a, swapped.length]), swapped]))), [
    known,
  ])
})

test('one record in another form does not take the others with it', () => {
  const good = { body: anyValue('good') }
  const bad: readonly Json[] = [
    { timeUnixNano: 'yesterday' },
    { timeUnixNano: -1 },
    { severityNumber: 'SEVERITY_NUMBER_INFO' },
    { attributes: { a: 1 } },
    { attributes: ['a'] },
    { body: 'a text' },
    { body: { intValue: '9223372036854775808' } },
    { body: { bytesValue: '*' } },
    { traceId: 7 },
  ]
  const decoded = [...decodeJson(jsonOf(requestOf([good, ...bad, good])))]
  assert.deepEqual(
    decoded.map(({ kind }) => kind),
    ['record', ...bad.map(() => 'malformed'), 'record'],
  )
  const binary = Buffer.from(protobufOf(requestOf([{ severityText: 'abc' }, good])))
  binary[binary.indexOf('abc') - 1] = 0x7f
  assert.deepEqual(
    [...decodeProtobuf(binary)].map(({ kind }) => kind),
    ['malformed', 'record'],
  )
  assert.deepEqual(
    ['[]', '{"resourceLogs":{}}', '{"resourceLogs":[1]}', '{', '\xff'].map((text) =>
      codeOf(() => decodeJson(Buffer.from(text, 'latin1'))),
    ),
    Array.from({ length: 5 }, () => 'BODY_MALFORMED'),
  )
  assert.deepEqual(plain(decodeJson(Buffer.from('{}'))), [])
  assert.deepEqual(plain(decodeProtobuf(new Uint8Array())), [])
})

test('a few bytes that promise much cost little', () => {
  const tiny = (count: number): Buffer => {
    const records = Buffer.alloc(count * 2)
    for (let at = 0; at < records.length; at += 2) records[at] = 0x12
    const framed = (bytes: Buffer, tag: number): Buffer => {
      const size = Buffer.alloc(6)
      let at = 0
      size[at++] = tag
      for (let rest = bytes.length; ; rest >>>= 7) {
        size[at++] = rest < 128 ? rest : (rest & 127) | 128
        if (rest < 128) break
      }
      return Buffer.concat([size.subarray(0, at), bytes])
    }
    return framed(framed(records, 0x12), 0x0a)
  }
  assert.equal([...decodeProtobuf(tiny(50_000))].length, 50_000)
  assert.equal(
    codeOf(() => decodeProtobuf(tiny(50_001))),
    'BODY_TOO_LARGE',
  )
  assert.equal(
    codeOf(() => decodeJson(Buffer.from(`[${'{},'.repeat(membersMax / 2)}{}]`))),
    'BODY_TOO_LARGE',
  )

  let deep: unknown = 'bottom'
  for (let level = 0; level < 34; level++) deep = level % 2 === 0 ? [deep] : { deep }
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`a${index}`, index]))
  const request = requestOf([
    { body: anyValue(deep), attributes: [...attributes(many), ...attributes({ a0: 'last' })] },
  ])
  for (const decoded of [decodeJson(jsonOf(request)), decodeProtobuf(protobufOf(request))]) {
    const [first] = decoded
    assert.ok(first?.kind === 'record')
    const { attributes: found, body } = first.record
    assert.deepEqual(
      [Object.keys(found.values).length, found.leftOut, found.values['a0']],
      [1_024, 8_977, 'last'],
    )
    assert.match(JSON.stringify(body), /"\[depth\]"/)
    assert.doesNotMatch(JSON.stringify(body), /bottom/)
  }
})
