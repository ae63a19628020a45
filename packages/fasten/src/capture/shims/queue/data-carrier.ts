// SPDX-License-Identifier: Apache-2.0
import { header, type Carried, type Carrier } from '../../carriers/carrier.ts'

/** A job of a queue that keeps nothing about a job but its data. */
export interface JobData {
  readonly data: unknown
}

/**
 * Carries the ids in the data, as the member `_req`, because these queues have no other place: pg-boss, graphile-worker, Agenda. Data that
 * is neither an object nor absent (a list, a text, a number) has no room, and goes without.
 */
export function createDataCarrier<Message extends JobData>(
  name: string,
  {
    hasNull,
  }: { /** Whether a job without data has null, and not an empty object. */ readonly hasNull: boolean },
): Carrier<Message> {
  return {
    name,
    method: 'queue',
    extract: ({ data }) => readRequest(data),
    inject(message, carried) {
      const { data } = message
      if (data === undefined || data === null)
        return { ...message, data: { _req: { ...carried, ...(hasNull ? { data: null } : {}) } } }
      if (!isPlain(data)) return message
      const present = '_req' in data ? data._req : undefined
      if (present !== undefined && !isObject(present)) return message
      const theirs = readRequest(data)
      // A tracestate belongs to its traceparent: beside somebody else's it would say the wrong thing.
      const { tracestate, ...others } = carried
      const ours =
        theirs.traceparent === undefined && tracestate !== undefined ? { ...others, tracestate } : others
      return { ...message, data: { ...data, _req: { ...ours, ...present } } }
    },
  }
}

/** The data as the application handed it in. A `_req` that is not of our making stays. */
export function withoutIds(data: unknown): unknown {
  if (!isPlain(data) || !isObject(data['_req'])) return data
  const { _req, ...rest } = data
  if (!Object.keys(_req as object).every((member) => ourMembers.has(member))) return data
  return 'data' in (_req as object) && Object.keys(rest).length === 0 ? null : rest
}

const members = Object.keys(header) as (keyof Carried)[]
const ourMembers: ReadonlySet<string> = new Set([...members, 'data'])

/** What `_req` says: an object of ours, or the plain id that other SDKs write. */
function readRequest(data: unknown): Carried {
  if (!isPlain(data) || !Object.hasOwn(data, '_req')) return {}
  const { _req } = data
  if (typeof _req === 'string') return { request_id: _req }
  if (!isObject(_req)) return {}
  const carried: { -readonly [Member in keyof Carried]: Carried[Member] } = {}
  for (const member of members) {
    const value = Object.hasOwn(_req, member) ? _req[member] : undefined
    if (typeof value === 'string') carried[member] = value
  }
  return carried
}

/** Whether it is a list of such as members can be asked for of: what is none is for the library to refuse. */
export const isListOfObjects = (list: unknown): boolean => Array.isArray(list) && list.every(isObject)

/** Whether members of it can be asked for: no list, no text, nothing absent. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** An object that JSON writes as its members: none that has a form of its own, as a Date has. */
function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && typeof value['toJSON'] !== 'function'
}
