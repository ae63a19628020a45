// SPDX-License-Identifier: Apache-2.0

/**
 * Arrays as parameters of a statement, in the server's binary form. The driver passes a Buffer on as it is; the text form that it makes
 * of a JavaScript array escapes every value twice over and is read back letter by letter (measured: decision 0011).
 */

/** A `text[]`. Like everything that goes into Postgres as text, it may not hold U+0000. */
export function textArray(values: readonly (string | null)[]): Buffer {
  let bytes = headBytes + 4 * values.length
  for (const value of values) if (value !== null) bytes += Buffer.byteLength(value)
  const array = startArray(bytes, textOid, values)
  let at = headBytes
  for (const value of values) {
    const length = value === null ? -1 : array.write(value, at + 4)
    array.writeInt32BE(length, at)
    at += 4 + Math.max(length, 0)
  }
  return array
}

/** A `bigint[]` of safe integers. */
export function bigintArray(values: readonly (number | null)[]): Buffer {
  let bytes = headBytes
  for (const value of values) bytes += value === null ? 4 : 12
  const array = startArray(bytes, bigintOid, values)
  let at = headBytes
  for (const value of values) {
    array.writeInt32BE(value === null ? -1 : 8, at)
    at += 4
    if (value === null) continue
    array.writeInt32BE(Math.floor(value / 2 ** 32), at)
    array.writeUInt32BE(((value % 2 ** 32) + 2 ** 32) % 2 ** 32, at + 4)
    at += 8
  }
  return array
}

/** One dimension, whose first element is number 1. Behind the head lies each element with its length before it, -1 for null. */
function startArray(bytes: number, elementOid: number, values: readonly unknown[]): Buffer {
  const array = Buffer.allocUnsafe(bytes)
  const head = [1, values.includes(null) ? 1 : 0, elementOid, values.length, 1]
  for (const [index, word] of head.entries()) array.writeInt32BE(word, index * 4)
  return array
}

const headBytes = 20
const textOid = 25
const bigintOid = 20
