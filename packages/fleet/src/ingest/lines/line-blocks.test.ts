// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { blockRowsMax, createLineBlocks, lineBytesMax, type LineBlock } from './line-blocks.ts'

/** The blocks of a body that comes in chunks which end at `cuts`; without its end where the sender goes away. */
function blocksOf(body: Uint8Array, cuts: readonly number[] = [], isCutOff = false): readonly LineBlock[] {
  const blocks = createLineBlocks()
  const found: LineBlock[] = []
  const ends = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].sort((one, other) => one - other)
  let at = 0
  for (const end of [...ends, body.length]) {
    found.push(...blocks.push(body.subarray(at, end)))
    at = end
  }
  const last = isCutOff ? undefined : blocks.end()
  return last === undefined ? found : [...found, last]
}

const plain = (blocks: readonly LineBlock[]): unknown =>
  blocks.map(({ digest, lines }) => ({
    digest,
    lines: lines.map(({ number, bytes }) => [number, Buffer.from(bytes).toString()]),
  }))

// Long enough for several blocks, with lines that are empty or say the same.
const body = fc
  .array(fc.constantFrom('', '  ', '{"msg":"tick"}', '{"msg":"other"}\r'), { minLength: 1, maxLength: 30 })
  .chain((lines) =>
    fc.integer({ min: 1, max: 120 }).map((times) => Array.from({ length: times }, () => lines).flat()),
  )
  .map((lines) => Buffer.from(lines.join('\n')))
const cuts = fc.array(fc.nat(), { maxLength: 6 })

test('a body is cut into the same blocks wherever its chunks end, and every line with something in it is there once', () => {
  fc.assert(
    fc.property(body, cuts, (bytes, at) => {
      const blocks = blocksOf(bytes, at)
      assert.deepEqual(plain(blocks), plain(blocksOf(bytes)))
      const lines = bytes.toString().split('\n')
      const expected = lines.flatMap((line, index) => (line.trim() === '' ? [] : [[index + 1, line]]))
      assert.deepEqual(
        blocks.flatMap((block) =>
          block.lines.map(({ number, bytes: of }) => [number, Buffer.from(of).toString()]),
        ),
        expected,
      )
      for (const { lines: of } of blocks) assert.ok(of.length <= blockRowsMax)
      assert.equal(new Set(blocks.map(({ digest }) => digest)).size, blocks.length)
      if (lines.at(-1) !== '')
        assert.deepEqual(
          plain(blocksOf(Buffer.from(`${bytes.toString()}\n`))),
          plain(blocks),
          'a last newline says nothing',
        )
    }),
    { numRuns: 60 },
  )
})

test('what was answered of a body that was cut off is answered alike of the whole of it', () => {
  fc.assert(
    fc.property(body, fc.nat(), (bytes, at) => {
      const before = blocksOf(bytes.subarray(0, at % (bytes.length + 1)), [], true)
      assert.deepEqual(plain(before), plain(blocksOf(bytes).slice(0, before.length)))
    }),
    { numRuns: 60 },
  )
})

test('a line that is too long is kept to one byte beyond the longest, and counts as what it is', () => {
  const long = Buffer.alloc(3 * lineBytesMax, 'a')
  const other = Buffer.from(long).fill('b', 2 * lineBytesMax)
  const [one] = blocksOf(long, [lineBytesMax - 5, 2 * lineBytesMax])
  const [two] = blocksOf(other)
  assert.equal(one?.lines[0]?.bytes.length, lineBytesMax + 1)
  assert.notEqual(one?.digest, two?.digest)
})
