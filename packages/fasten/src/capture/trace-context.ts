// SPDX-License-Identifier: Apache-2.0
import { randomFillSync } from 'node:crypto'

/** What a caller said about the trace we are part of (W3C Trace Context, level 1 and 2). */
export interface InboundTrace {
  /** 32 lower-case hex, never all zero. */
  readonly trace_id: string
  /** The caller's span: 16 lower-case hex, never all zero. */
  readonly parent_id: string
  /** Only the two bits that are defined: 1 sampled, 2 random trace id. */
  readonly flags: number
}

const traceparent = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/
const noTrace = '0'.repeat(32)
const noSpan = '0'.repeat(16)

/**
 * Reads a `traceparent` header by the letter: lower-case hex, no zero ids, version `ff` never, version `00` of exactly
 * 55 characters, higher versions by their first 55 characters when a dash or nothing follows. Anything else (also two
 * headers, which Node.js joins with a comma) is undefined: a broken trace is not continued.
 */
export function parseTraceparent(text: string | undefined): InboundTrace | undefined {
  // The length is told first because most requests carry nothing and the rest is a regular expression.
  if (text === undefined || text.length < 55) return undefined
  const parts = traceparent.exec(text)
  if (parts === null) return undefined
  const [, version, traceId = noTrace, parentId = noSpan, flags = '00', tail] = parts
  if (version === 'ff' || (version === '00' && tail !== undefined)) return undefined
  if (traceId === noTrace || parentId === noSpan) return undefined
  return { trace_id: traceId, parent_id: parentId, flags: Number.parseInt(flags, 16) & 3 }
}

/** The header that makes `spanId` the parent of what receives it; always version 00. */
export function formatTraceparent(traceId: string, spanId: string, flags: number): string {
  return `00-${traceId}-${spanId}-0${(flags & 3).toString(16)}`
}

const simpleKey = /^[a-z][a-z0-9_\-*/]{0,255}$/
const tenantKey = /^[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13}$/
const memberValue = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/
const membersMax = 32

/**
 * The `tracestate` that may be passed on unchanged, or undefined when it breaks the format (a bad key or value, a key
 * twice, more than 32 members): a receiver must drop the whole list then, not repair it.
 */
export function acceptTracestate(text: string | undefined): string | undefined {
  if (text === undefined || text.length > 16_384) return undefined
  const keys = new Set<string>()
  for (const item of text.split(',')) {
    const member = item.trim()
    if (member === '') continue
    const equals = member.indexOf('=')
    const key = member.slice(0, equals)
    if (equals < 1 || keys.has(key) || keys.size === membersMax) return undefined
    if (!simpleKey.test(key) && !tenantKey.test(key)) return undefined
    if (!memberValue.test(member.slice(equals + 1))) return undefined
    keys.add(key)
  }
  return keys.size === 0 ? undefined : text
}

const baggageCharactersMax = 8192
const baggageMembersMax = 64
const baggageMember =
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=[ \t]*[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*(?:[ \t]*;[\x20-\x2b\x2d-\x7e]*)?$/

/**
 * The `baggage` list that may be passed on unchanged, or undefined when it is not one (W3C Baggage), is longer than 8,192
 * characters or has more than 64 members. Nothing of it is ever read: it is other people's luggage.
 */
export function acceptBaggage(text: string | undefined): string | undefined {
  if (text === undefined || text === '' || text.length > baggageCharactersMax) return undefined
  const members = text.split(',')
  if (members.length > baggageMembersMax) return undefined
  return members.every((member) => baggageMember.test(member.trim())) ? text : undefined
}

/**
 * A source of random lower-case hex, `bytes` at a time (at most 64). Drawn from the system's generator 4 KiB at once,
 * because a call to it costs a microsecond and an id needs eight bytes.
 */
export function createHexSource(): (bytes: number) => string {
  const pool = Buffer.allocUnsafe(4096)
  let used = pool.length
  return (bytes) => {
    if (used + bytes > pool.length) {
      randomFillSync(pool)
      used = 0
    }
    used += bytes
    return pool.toString('hex', used - bytes, used)
  }
}
