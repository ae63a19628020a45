// SPDX-License-Identifier: Apache-2.0
import {
  acceptRequestId,
  actorKinds,
  isRequestId,
  isRowId,
  levels,
  outcomes,
  retentionClasses,
  severities,
  streams,
  type StreamName,
} from 'fasten/core'
import type { ArrivingMembers } from '../sources/arriving-row.ts'
import type { Claim, ClaimedOrigin } from './claim.ts'

/** Members of a row as somebody says them, by their names. */
export type Said = Readonly<Record<string, unknown>>

/** What the members lack for the row they say to be; for people. */
export class NoRow extends Error {}

/**
 * The members of an audit, sys or api row out of those that are said. Words that have to be one of a few, or of a form, and are not, are put into `_corrected`
 * of detail or fields and a default takes their place, as `emit` does it. What an audit row says of its code is the sender's word, too: where it says
 * nothing, the action is the code in lower case, severity `info`, domain and category `unregistered`, retention `medium`.
 *
 * Throws `NoRow` for an audit row without a code and an api row without method, path or status. What a store tells of its own log
 * (spec/row.md#rows-of-the-store) is said of no other: it becomes a sys row.
 */
export function ownMembers(
  stream: StreamName,
  said: Said,
  detail: Readonly<Record<string, unknown>>,
): ArrivingMembers {
  const corrected = Object.create(null) as Record<string, unknown>
  const word = <T extends string>(name: string, of: readonly T[], fallback: T): T => {
    const value = said[name]
    if (value === undefined || value === null) return fallback
    // The published SDKs say `schedule`.
    const spelt = name === 'actor_kind' && value === 'schedule' ? 'scheduler' : value
    if (of.includes(spelt as T)) return spelt as T
    corrected[name] = value
    return fallback
  }
  const formed = (name: string, form: RegExp, fallback: string): string => {
    const value = said[name]
    if (value === undefined || value === null) return fallback
    if (typeof value === 'string' && form.test(value)) return value
    corrected[name] = value
    return fallback
  }
  const withCorrected = (members: Readonly<Record<string, unknown>>): Record<string, unknown> =>
    Object.keys(corrected).length === 0 ? members : { ...members, _corrected: corrected }

  if (stream === 'audit') {
    const code = said['code']
    if (typeof code !== 'string' || !/^[A-Z][A-Z0-9_]{0,127}$/.test(code))
      throw new NoRow('an audit row needs a code of capitals, digits and _')
    if (isOfStore(said)) return ofStore(code, detail)
    const members = {
      stream,
      code,
      action: formed('action', plainText, code.toLowerCase()),
      severity: word('severity', severities, 'info'),
      domain: formed('domain', plainText, 'unregistered'),
      category: formed('category', plainText, 'unregistered'),
      actor: textIn(said, 'actor') ?? 'system',
      actor_kind: word('actor_kind', actorKinds, said['actor'] === undefined ? 'system' : 'service'),
      target: textIn(said, 'target') ?? '',
      method: formed('method', /^[a-z][a-z0-9_.-]{0,63}$/, 'sdk'),
      outcome: word('outcome', outcomes, 'unknown'),
      retention_class: word('retention_class', retentionClasses, 'medium'),
      ...texts(said, [
        'on_behalf_of',
        'auth_method',
        'session_id',
        'target_kind',
        'reason',
        'change_ref',
        'request_ref',
        'call_ref',
      ]),
      ...sourceIn(said['source']),
    }
    return { ...members, detail: withCorrected(detail) }
  }
  if (stream === 'sys') {
    const members = {
      stream,
      level: word('level', levels, 'info'),
      event: textIn(said, 'event') ?? 'log',
      ...texts(said, ['logger']),
    }
    return { ...members, fields: withCorrected(detail) }
  }
  const { method, path, status } = said
  if (typeof method !== 'string' || typeof path !== 'string' || !isWithin(status, 100, 599))
    throw new NoRow('an api row needs a method, a path and a status')
  if (isOfStore(said)) return ofStore(path.slice(1), detail)
  return {
    stream,
    method: method.toUpperCase(),
    path: path.split('?', 1)[0] ?? '',
    status,
    duration_us: countIn(said, 'duration_us') ?? 0,
    ...counts(said, ['bytes_in', 'bytes_out']),
    ...texts(said, ['route', 'actor', 'error']),
    ...sourceIn(said['source']),
  }
}

/** Begins with what no process has. */
const isOfStore = ({ boot_id }: Said): boolean =>
  typeof boot_id === 'string' && boot_id.startsWith('fa57e400')

const ofStore = (event: string, fields: Readonly<Record<string, unknown>>): ArrivingMembers => ({
  stream: 'sys',
  level: 'info',
  event,
  logger: 'fasten',
  fields,
})

/**
 * Anchors of any row, and what it was known by; members that are none are left out. `isRow`: a row of ours said it, whose id may be of work outside of any
 * request; others may not pose as that.
 */
export function ownAnchors(said: Said, isRow: boolean): Omit<Claim, 'members' | 'timestamp'> {
  const own = said['request_id']
  const accepted =
    isRow && typeof own === 'string' && isRequestId(own)
      ? { request_id: own }
      : acceptRequestId(typeof own === 'string' ? own : undefined)
  const { trace_id, span_id, caused_by, inbound_request_id: inbound } = said
  return {
    ...(typeof inbound === 'string' && /^[ -~]{1,128}$/.test(inbound) ? { inbound_request_id: inbound } : {}),
    ...accepted,
    ...(isHex(trace_id, 32) ? { trace_id } : {}),
    ...(isHex(span_id, 16) ? { span_id } : {}),
    ...(typeof caused_by === 'string' && isRowId(caused_by) ? { caused_by } : {}),
    ...(isName(said['tenant_id']) ? { tenant_id: said['tenant_id'] } : {}),
    origin: originIn(said),
  }
}

export function originIn(said: Said): ClaimedOrigin {
  const { id, log, prev_hash, hash, boot_id, service_id, source_node_id } = said
  const [seq, boot_seq] = [countIn(said, 'monotonic_seq'), countIn(said, 'boot_seq')]
  return {
    ...(typeof id === 'string' && isRowId(id) ? { id } : {}),
    ...(typeof log === 'string' && log.length <= 2_048 ? { log: log.toWellFormed() } : {}),
    ...(seq === undefined ? {} : { monotonic_seq: seq }),
    ...(isHex(prev_hash, 64) || prev_hash === 'genesis' ? { prev_hash } : {}),
    ...(isHex(hash, 64) ? { hash } : {}),
    ...(isName(service_id) ? { service_id } : {}),
    ...(isName(source_node_id) ? { source_node_id } : {}),
    ...(isHex(boot_id, 16) ? { boot_id } : {}),
    ...(boot_seq === undefined ? {} : { boot_seq }),
  }
}

export const isStream = (value: unknown): value is StreamName => streams.includes(value as StreamName)

/** 1 to 128 characters, none of them a control character: what service, node and tenant are called by. */
export const isName = (value: unknown): value is string =>
  typeof value === 'string' && /^[^\p{Cc}\p{Cs}]{1,128}$/u.test(value)

const plainText = /^[^\p{Cc}\p{Cs}]{1,128}$/u

export const isHex = (value: unknown, digits: 16 | 32 | 64): value is string =>
  typeof value === 'string' && value.length === digits && /^[0-9a-f]+$/.test(value) && !/^0+$/.test(value)

const isWithin = (value: unknown, from: number, to: number): value is number =>
  Number.isInteger(value) && (value as number) >= from && (value as number) <= to

function textIn(said: Said, name: string): string | undefined {
  const value = said[name]
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

function countIn(said: Said, name: string): number | undefined {
  const value = said[name]
  return isWithin(value, 0, Number.MAX_SAFE_INTEGER) ? value : undefined
}

function texts<const N extends string>(said: Said, names: readonly N[]): { readonly [K in N]?: string } {
  const found: { [K in N]?: string } = {}
  for (const name of names) {
    const text = textIn(said, name)
    if (text !== undefined) found[name] = text
  }
  return found
}

function counts<const N extends string>(said: Said, names: readonly N[]): { readonly [K in N]?: number } {
  const found: { [K in N]?: number } = {}
  for (const name of names) {
    const count = countIn(said, name)
    if (count !== undefined) found[name] = count
  }
  return found
}

function sourceIn(value: unknown): {
  readonly source?: { readonly ip?: string; readonly user_agent?: string; readonly device?: string }
} {
  if (typeof value !== 'object' || value === null) return {}
  const source = texts(value as Said, ['ip', 'user_agent', 'device'])
  return Object.keys(source).length === 0 ? {} : { source }
}
