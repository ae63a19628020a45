// SPDX-License-Identifier: Apache-2.0
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { bigintArray, textArray } from './binary-array.ts'
import { startPostgres } from './fixtures/server.ts'

const server = await startPostgres()
after(() => server.remove())

test('the server reads what was written', async () => {
  const texts = ['', null, 'a', '{"a":[1,"\\\\"]}', 'NULL', 'ä🚲\u{10ffff}', 'x'.repeat(100_000)]
  const { MAX_SAFE_INTEGER: most, MIN_SAFE_INTEGER: least } = Number
  const numbers = [0, 1, -1, null, 2 ** 31, 2 ** 32, -(2 ** 32), -(2 ** 32) - 1, most, least]
  const [row] = await server.query(
    'SELECT $1::text[] AS texts, $2::bigint[] AS numbers, $3::text[] AS none',
    [textArray(texts), bigintArray(numbers), textArray([])],
  )
  assert.deepEqual(row, {
    texts,
    numbers: numbers.map((number) => (number === null ? null : String(number))),
    none: [],
  })
})
