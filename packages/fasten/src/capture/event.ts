// SPDX-License-Identifier: Apache-2.0
import { isRequestId, isRowId } from '../core/ids.ts'
import { actorKinds, outcomes, severities } from '../core/row.ts'
import type { AnyEmitInput } from './engine.ts'

const members = [
  'code',
  'target',
  'actor',
  'actor_kind',
  'on_behalf_of',
  'auth_method',
  'session_id',
  'target_kind',
  'method',
  'outcome',
  'severity',
  'reason',
  'change_ref',
  'request_ref',
  'call_ref',
  'caused_by',
  'request_id',
  'tenant_id',
  'source',
  'reserved',
  'detail',
] as const
type Member = (typeof members)[number]
interface Shape {
  readonly fits: (text: string) => boolean
  readonly expects: string
}
type Kind = 'text' | 'any' | readonly string[] | Shape

const kinds: Readonly<Partial<Record<Member, Kind>>> = {
  actor_kind: actorKinds,
  outcome: outcomes,
  severity: severities,
  source: 'any',
  reserved: 'any',
  detail: 'any',
  // These three find rows again or name a log, so what does not fit must not get into them.
  request_id: { fits: isRequestId, expects: '1 to 128 of A-Z a-z 0-9 . _ : -' },
  caused_by: { fits: isRowId, expects: 'the id of a row' },
  tenant_id: { fits: (text) => /^[^\p{Cc}]{1,128}$/u.test(text), expects: '1 to 128 printable characters' },
}
/** From what a caller may write, either spelling, to the member and what it may hold. */
const spellings = new Map<string, { readonly name: Member; readonly kind: Kind }>(
  members.flatMap((name) => {
    const entry = { name, kind: kinds[name] ?? 'text' }
    return [
      [name, entry] as const,
      [name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()), entry] as const,
    ]
  }),
)

/** An `EmitInput` in one spelling, its enumerated members checked. `corrected` holds what was not one of the words allowed. */
export type Event = Omit<Pick<AnyEmitInput, Member>, 'detail'> & {
  readonly detail?: unknown
  readonly corrected?: Readonly<Record<string, unknown>>
}

type Draft = { [M in Member]: unknown } & { corrected?: Record<string, unknown> }

/**
 * What an application handed to `emit`, as an event. In strict mode anything but the members, words and types of `EmitInput` is
 * a `TypeError`; otherwise the row is kept and says what was wrong with it.
 */
export function parseEvent(input: AnyEmitInput, isStrict: boolean): Event {
  if (typeof input !== 'object' || input === null)
    throw new TypeError(
      `emit() takes an object with code and target, not ${input === null ? 'null' : typeof input}`,
    )
  // All members at once, so that every event has one shape and each stage behind this one stays fast.
  const event: Draft = {
    code: undefined,
    target: undefined,
    actor: undefined,
    actor_kind: undefined,
    on_behalf_of: undefined,
    auth_method: undefined,
    session_id: undefined,
    target_kind: undefined,
    method: undefined,
    outcome: undefined,
    severity: undefined,
    reason: undefined,
    change_ref: undefined,
    request_ref: undefined,
    call_ref: undefined,
    caused_by: undefined,
    request_id: undefined,
    tenant_id: undefined,
    source: undefined,
    reserved: undefined,
    detail: undefined,
  }
  for (const key in input) {
    const value = (input as unknown as Record<string, unknown>)[key]
    if (value === undefined || value === null) continue
    const known = spellings.get(key)
    if (known === undefined) reject(event, key, value, isStrict, () => `emit() has no member "${key}"`)
    else if (known.kind === 'any' || (known.kind === 'text' && typeof value === 'string'))
      event[known.name] = value
    else if (known.kind === 'text') event[known.name] = asText(known.name, value, isStrict)
    else if ('fits' in known.kind) fitting(event, known.name, known.kind, value, isStrict)
    else oneOf(event, known.name, known.kind, value, isStrict)
  }
  if (typeof event.code !== 'string' || event.code === '') {
    if (isStrict) throw new TypeError('emit() needs a code')
    event.code = ''
  }
  if (event.target === undefined) {
    if (isStrict) throw new TypeError(`emit() needs a target, for code ${String(event.code)}`)
    event.target = ''
  }
  return event as Event
}

function fitting(event: Draft, name: Member, shape: Shape, value: unknown, isStrict: boolean): void {
  if (typeof value === 'string' && shape.fits(value)) event[name] = value
  else reject(event, name, value, isStrict, () => `${name} must be ${shape.expects}, not "${String(value)}"`)
}

function oneOf(
  event: Draft,
  name: Member,
  allowed: readonly string[],
  value: unknown,
  isStrict: boolean,
): void {
  // The published SDKs say `schedule`.
  const word = name === 'actor_kind' && value === 'schedule' ? 'scheduler' : value
  if (typeof word === 'string' && allowed.includes(word)) event[name] = word
  else
    reject(
      event,
      name,
      value,
      isStrict,
      () => `${name} must be one of ${allowed.join(', ')}, not "${String(value)}"`,
    )
}

function reject(event: Draft, name: string, value: unknown, isStrict: boolean, message: () => string): void {
  if (isStrict) throw new TypeError(message())
  const corrected = (event.corrected ??= {})
  corrected[name] = value
}

function asText(name: Member, value: unknown, isStrict: boolean): string {
  if (isStrict) throw new TypeError(`${name} must be a string, not ${typeof value}`)
  try {
    return typeof value === 'object' ? (JSON.stringify(value) ?? '') : `${value as string}`
  } catch {
    // A hostile toJSON, or a symbol: the row is worth more than this member.
    return '[unreadable]'
  }
}
