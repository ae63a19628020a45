// SPDX-License-Identifier: Apache-2.0
import { isUtf8 } from 'node:buffer'
import { readJson } from '../../core/read-json.ts'

export type Payload = string | Uint8Array

/** The member of a JSON object that carries the request id, as the published SDKs write and read it. */
export const jsonIdMember = '_req'

/** Larger payloads are neither read nor changed: 128 KiB, the most that the large brokers of the clouds take. */
export const jsonBytesMax = 131_072

/** The `_req` of a payload that is a JSON object, where it is text. Never throws. */
export function readJsonId(payload: unknown, bytesMax = jsonBytesMax): string | undefined {
  const text = objectText(payload, bytesMax)
  // Most messages carry none, and then nothing has to be parsed. A name may also be written in escapes.
  if (text === undefined || !(text.includes(jsonIdMember) || text.includes('\\u'))) return undefined
  const id = parseObject(text)?.[jsonIdMember]
  return typeof id === 'string' ? id : undefined
}

/**
 * The payload with `"_req": id` as its first member, when it is a JSON object that has none: the member is written into the text, so
 * that numbers, order, names that occur twice and spaces stay as they were. Anything else is answered as it is: other JSON, other
 * bytes, a byte order mark, an object with a `_req` of its own, whatever its value. Text stays text and bytes stay bytes. Never throws.
 */
export function writeJsonId<Given extends Payload>(
  payload: Given,
  id: string,
  bytesMax = jsonBytesMax,
): Given {
  const text = objectText(payload, bytesMax)
  const members = text === undefined ? undefined : parseObject(text)
  if (text === undefined || members === undefined || Object.hasOwn(members, jsonIdMember)) return payload
  const isEmpty = Object.keys(members).length === 0
  const member = `${JSON.stringify(jsonIdMember)}:${JSON.stringify(id)}${isEmpty ? '' : ','}`
  // Before the brace there are only spaces, so it has the same place in text and bytes.
  const place = text.indexOf('{') + 1
  if (typeof payload === 'string') return `${text.slice(0, place)}${member}${text.slice(place)}` as Given
  return Buffer.concat([
    payload.subarray(0, place),
    Buffer.from(member),
    payload.subarray(place),
  ]) as Uint8Array as Given
}

const opening = /^[ \t\n\r]*\{/
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d])

/** The payload as text, if it looks like an object from the outside and is not too large to look inside. */
function objectText(payload: unknown, bytesMax: number): string | undefined {
  if (typeof payload === 'string')
    return payload.length <= bytesMax && opening.test(payload) ? payload : undefined
  if (!(payload instanceof Uint8Array) || payload.length > bytesMax) return undefined
  let start = 0
  while (spaces.has(payload[start] ?? 0)) start++
  if (payload[start] !== 0x7b || !isUtf8(payload)) return undefined
  return Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('utf8')
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = readJson(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined
  } catch {
    // Somebody's payload that only looks like JSON: theirs to judge.
    return undefined
  }
}
