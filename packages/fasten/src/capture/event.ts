// SPDX-License-Identifier: Apache-2.0
import { actorKinds, outcomes, severities, type ActorKind, type Outcome, type Severity } from '../core/row.ts'
import type { EmitInput } from './engine.ts'

const members = [
  'code', 'target', 'actor', 'actor_kind', 'on_behalf_of', 'auth_method', 'session_id', 'target_kind', 'method', 'outcome', 'severity',
  'reason', 'change_ref', 'request_ref', 'call_ref', 'caused_by', 'request_id', 'tenant_id', 'source', 'detail',
] as const
const isMember: ReadonlySet<string> = new Set(members)
const twins: Readonly<Record<string, string>> = Object.fromEntries(
  members.filter((name) => name.includes('_')).map((name) => [name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), name]),
)

/** An `EmitInput` in one spelling, its enumerated members checked. `corrected` holds what was not one of the words allowed. */
export type Event = Omit<Pick<EmitInput<string>, (typeof members)[number]>, 'detail'> & {
  readonly detail?: unknown
  readonly corrected?: Readonly<Record<string, unknown>>
}

/**
 * What an application handed to `emit`, as an event. In strict mode anything but the members, words and types of `EmitInput` is
 * a `TypeError`; otherwise the row is kept and says what was wrong with it.
 */
export function parseEvent(input: EmitInput<string>, isStrict: boolean): Event {
  if (typeof input !== 'object' || input === null)
    throw new TypeError(`emit() takes an object with code and target, not ${input === null ? 'null' : typeof input}`)
  const event: Record<string, unknown> = {}
  for (const key in input) {
    const name = twins[key] ?? key
    const value = (input as unknown as Record<string, unknown>)[key]
    if (value === undefined || value === null) continue
    if (isMember.has(name)) event[name] = value
    else if (isStrict) throw new TypeError(`emit() has no member "${key}"`)
    else correct(event, key, value)
  }
  if (typeof event['code'] !== 'string' || event['code'] === '') {
    if (isStrict) throw new TypeError('emit() needs a code')
    event['code'] = String(event['code'] ?? '')
  }
  if (event['target'] === undefined && isStrict) throw new TypeError(`emit() needs a target, for code ${String(event['code'])}`)
  event['target'] ??= ''
  if (event['actor_kind'] === 'schedule') event['actor_kind'] = 'scheduler'
  oneOf(event, 'actor_kind', actorKinds, isStrict)
  oneOf(event, 'outcome', outcomes, isStrict)
  oneOf(event, 'severity', severities, isStrict)
  for (const name in event) {
    if (name === 'detail' || name === 'source' || name === 'corrected' || typeof event[name] === 'string') continue
    if (isStrict) throw new TypeError(`${name} must be a string, not ${typeof event[name]}, for code ${String(event['code'])}`)
    event[name] = plainText(event[name])
  }
  return event as unknown as Event
}

function oneOf(event: Record<string, unknown>, name: string, allowed: readonly (ActorKind | Outcome | Severity)[], isStrict: boolean): void {
  const value = event[name]
  if (value === undefined || (allowed as readonly unknown[]).includes(value)) return
  if (isStrict) throw new TypeError(`${name} must be one of ${allowed.join(', ')}, not "${String(value)}"`)
  delete event[name]
  correct(event, name, value)
}

function correct(event: Record<string, unknown>, name: string, value: unknown): void {
  const corrected = (event['corrected'] ??= {}) as Record<string, unknown>
  corrected[name] = value
}

function plainText(value: unknown): string {
  try {
    return typeof value === 'object' ? JSON.stringify(value) : String(value)
  } catch {
    // A hostile toJSON or a symbol: the row is worth more than this member.
    return '[unreadable]'
  }
}
