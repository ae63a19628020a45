// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import { Problem } from '../../web/problem.ts'
import { bodyOf } from '../fixtures/real-node.ts'
import { readBody } from './read-body.ts'
import { createSectionParser, type Piece } from './section-parser.ts'

const limits = { sections: 8, rows: 200 }

/** The pieces of a body that comes in chunks which end at `cuts`, as plain data, and how it ended. */
function parsed(body: Uint8Array, cuts: readonly number[] = []): readonly unknown[] {
  const parser = createSectionParser(limits)
  const pieces: Piece[] = []
  const ends = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].sort((one, other) => one - other)
  try {
    let at = 0
    for (const end of [...ends, body.length]) {
      for (const piece of parser.push(body.subarray(at, end))) pieces.push(piece)
      at = end
    }
    parser.end()
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return [...pieces.map(plain), error.code]
  }
  return [...pieces.map(plain), 'end']
}

const plain = (piece: Piece) =>
  piece.kind === 'row' ? Buffer.from(piece.line).toString('base64') : piece.header
const line = fc
  .uint8Array({ maxLength: 40 })
  .map((bytes) => bytes.map((byte) => (byte === 0x0a ? 0x20 : byte)))
const section = fc.record({
  log: fc.string({ minLength: 1, maxLength: 12 }),
  from: fc.nat(),
  lines: fc.array(line, { maxLength: 12 }),
})
const cuts = fc.array(fc.nat(), { maxLength: 12 })

test('a body is parted alike wherever its chunks end, and every line arrives as it was sent', () => {
  fc.assert(
    fc.property(fc.array(section, { maxLength: 6 }), cuts, (sections, at) => {
      const expected = sections.flatMap(({ log, from, lines }) => [
        { log, from, count: lines.length },
        ...lines.map((each) => Buffer.from(each).toString('base64')),
      ])
      assert.deepEqual(parsed(bodyOf(...sections), at), [...expected, 'end'])
    }),
  )
})

test('whatever bytes come, the answer is a refusal with a code, and the same wherever chunks end', () => {
  const damaged = fc
    .tuple(fc.array(section, { minLength: 1, maxLength: 4 }), fc.nat(), fc.nat(255), fc.boolean())
    .map(([sections, at, byte, isCut]) => {
      const body = bodyOf(...sections)
      const place = at % body.length
      if (isCut) return body.subarray(0, place)
      body[place] = byte
      return body
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 300 })), cuts, (body, at) =>
      assert.deepEqual(parsed(body, at), parsed(body)),
    ),
  )
})

test('what is larger than it may be is refused, and a long row is kept to one byte beyond the longest', () => {
  const many = (count: number) => Array.from({ length: count }, () => ({ log: 'x', from: 0, lines: [] }))
  assert.deepEqual(parsed(bodyOf(...many(9))).at(-1), 'BODY_MALFORMED')
  for (const header of [
    '{"log":"x","from":0,"count":201}',
    '{"log":"x","from":-1,"count":0}',
    '{"log":"x","from":0,"count":1.5}',
    '{"log":"x","from":0,"count":0,"more":1}',
    '{"log":"x","from":0}',
    '[]',
    `{"log":"${'x'.repeat(70_000)}","from":0,"count":0}`,
    '\xff',
  ])
    assert.deepEqual(parsed(Buffer.from(`${header}\n`, 'latin1')), ['BODY_MALFORMED'], header.slice(0, 50))
  const [piece] = createSectionParser(limits).push(Buffer.from('{"log":"x","from":0,"count":1}\n'))
  assert.equal(piece?.kind, 'section')
  const long = Buffer.alloc(200_000, 'a')
  const rows = parsed(bodyOf({ log: 'x', from: 0, lines: [long] }), [70_000, 140_000])
  assert.equal(Buffer.from(String(rows[1]), 'base64').length, 65_536)
})

async function read(body: Iterable<Buffer>, encoding?: string): Promise<string> {
  const bounds = { body_bytes: 1_000, unpacked_bytes: 5_000 }
  try {
    let bytes = 0
    for await (const chunk of readBody(Readable.from(body), encoding, bounds)) bytes += chunk.length
    return String(bytes)
  } catch (error) {
    assert.ok(error instanceof Problem, String(error))
    return error.code
  }
}

test('bodies are bounded as they are sent and as they unpack, and damage is told from an early end', async () => {
  const text = Buffer.alloc(5_000, 'row ')
  const [gzip, zstd] = [gzipSync(text), zstdCompressSync(text)]
  const larger = Buffer.alloc(5_001, 'row ')
  const flipped = Buffer.from(gzip).fill(0xee, 12, 20)
  assert.deepEqual(
    [
      await read([text.subarray(0, 1_000)]),
      await read([text.subarray(0, 600), text.subarray(0, 600)]),
      await read([gzip], 'gzip'),
      await read([zstd], 'ZSTD'),
      await read([gzipSync(larger)], 'gzip'),
      await read([zstdCompressSync(larger)], 'zstd'),
      await read([gzip.subarray(0, -4)], 'gzip'),
      await read([zstd.subarray(0, -4)], 'zstd'),
      await read([flipped], 'gzip'),
      await read([Buffer.from('no zstd at all')], 'zstd'),
      await read([gzip], 'br'),
    ],
    [
      '1000',
      'BODY_TOO_LARGE',
      '5000',
      '5000',
      'BODY_TOO_LARGE',
      'BODY_TOO_LARGE',
      'BODY_TRUNCATED',
      'BODY_TRUNCATED',
      'BODY_MALFORMED',
      'BODY_MALFORMED',
      'ENCODING_UNKNOWN',
    ],
  )
})
