// SPDX-License-Identifier: Apache-2.0
import { jsonPointer } from './disclosure.ts'
import type { AuditDraft, JsonObject, JsonValue } from './row.ts'

/** Which members of a code's rows are personal, and whom they are about; `CodeMeta` fits. */
export interface PersonalMembers {
  readonly pii_in_detail?: boolean | undefined
  readonly detail_passthrough_keys?: readonly string[] | undefined
  /** `detail.email`, `actor`, `source.ip`, … */
  readonly pii?: readonly string[] | undefined
  /** For some of `pii`: the member that names whom they are about. */
  readonly pii_subjects?: Readonly<Record<string, string>> | undefined
  /** Names whom the members of detail are about, where `pii_subjects` does not say. Default `target`. */
  readonly pii_subject?: string | undefined
}

/** One value that does not go into the leaf. */
export interface PersonalValue {
  /** JSON pointer from the row: `/detail/email`, `/actor`. */
  readonly pointer: string
  /** Its last part. */
  readonly name: string
  readonly value: JsonValue
  /** Whom it is about, as the row names them. */
  readonly subject: string
}

/** More pointers than this in one detail, and the detail is kept back as a whole: each costs a leaf about 70 bytes. */
export const pointersMax = 128

/**
 * Takes the personal members out of a draft that nobody else holds yet, and answers what was taken, in the order of their
 * pointers. `draft` is changed: the members are gone from it. Arrays on the way are entered, so that each of their objects loses its
 * own member.
 *
 * Whom a value is about is read before anything is taken: the member that `pii_subjects` names, the anchor itself, `actor` for
 * what tells of its connection (`source`), otherwise `pii_subject`, `target`, and for want of all of them the row's own id.
 * Where a subject lies in the same array, it is looked for in the same item. Source: spec/row.md#personal-data.
 */
export function takePersonal(
  draft: Writable<AuditDraft>,
  members: PersonalMembers,
  bytesMax: number,
): readonly PersonalValue[] {
  const subjects = subjectsOf(draft, members)
  const taken: PersonalValue[] = []
  const whole = draft.detail
  const found = findInDetail(draft.detail, members)
  for (const { path, name, value } of found) {
    const subject = subjects.ofDetail(path)
    taken.push({ pointer: jsonPointer(['detail', ...path.steps]), name, value, subject })
  }
  const isMany = found.length > pointersMax
  if (!isMany && found.length > 0) draft.detail = without(whole, found)
  if (isMany || (found.length > 0 && bytesOf(draft.detail, taken) > bytesMax)) {
    taken.length = 0
    taken.push({ pointer: '/detail', name: 'detail', value: whole, subject: subjects.fallback })
    draft.detail = {}
  }
  for (const pointer of members.pii ?? []) {
    if (pointer === 'detail' || pointer.startsWith('detail.')) continue
    const value = takeAnchor(draft, pointer)
    if (value === undefined) continue
    const parts = pointer.split('.')
    taken.push({
      pointer: jsonPointer(parts),
      name: parts.at(-1) ?? pointer,
      value,
      subject: subjects.ofAnchor(pointer),
    })
  }
  return taken.sort((one, other) => (one.pointer < other.pointer ? -1 : 1))
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

interface Path {
  /** From detail on, with the indices of arrays. */
  readonly steps: readonly (string | number)[]
  /** As declared: `detail.items.email`. */
  readonly declared: string
}

interface Found {
  readonly path: Path
  readonly name: string
  readonly value: JsonValue
}

function findInDetail(detail: JsonObject, members: PersonalMembers): readonly Found[] {
  const isWhole = members.pii_in_detail === true || members.pii?.includes('detail') === true
  if (isWhole) {
    const kept = members.pii_in_detail === true ? (members.detail_passthrough_keys ?? []) : []
    return Object.keys(detail)
      .filter((name) => !kept.includes(name))
      .map((name) => ({
        path: { steps: [name], declared: 'detail' },
        name,
        value: detail[name] ?? null,
      }))
  }
  const found = new Map<string, Found>()
  for (const declared of members.pii ?? []) {
    if (!declared.startsWith('detail.')) continue
    collect(detail, declared.slice('detail.'.length).split('.'), [], { detail, declared, found })
  }
  // A member inside one that goes as a whole goes with it.
  const all = [...found.values()]
  return all.filter(
    ({ path }) =>
      !all.some(
        ({ path: outer }) =>
          outer.steps.length < path.steps.length && outer.steps.every((step, at) => path.steps[at] === step),
      ),
  )
}

interface Collecting {
  readonly detail: JsonObject
  /** As the code declares it: `detail.items.email`. */
  readonly declared: string
  readonly found: Map<string, Found>
}

/**
 * Follows `names` from `value` on. What is not of the shape that was declared goes rather too far than stays in clear: a member
 * whose own name has dots in it (`payer.email`) is found, and one that should lead on and is a plain value goes as a whole.
 */
function collect(
  value: JsonValue | undefined,
  names: readonly string[],
  steps: readonly (string | number)[],
  { detail, declared, found }: Collecting,
): void {
  if (value === undefined || value === null) return
  if (typeof value !== 'object') return keep(detail, found, steps)
  if (Array.isArray(value)) {
    const items = value as readonly JsonValue[]
    // A list cannot lose an item without moving the others.
    if (items.some((item) => item !== null && typeof item !== 'object')) return keep(detail, found, steps)
    for (const [index, item] of items.entries())
      collect(item, names, [...steps, index], { detail, declared, found })
    return
  }
  for (let count = 1; count <= names.length; count++) {
    const name = names.slice(0, count).join('.')
    if (!Object.hasOwn(value, name)) continue
    const member = (value as JsonObject)[name]
    const path = [...steps, name]
    if (count < names.length) collect(member, names.slice(count), path, { detail, declared, found })
    else found.set(jsonPointer(path), { path: { steps: path, declared }, name, value: member ?? null })
  }
}

/** The member that `steps` lead to, or the one whose list they lead into, whatever it is; about whom `pii_subject` says. */
function keep(detail: JsonObject, found: Map<string, Found>, steps: readonly (string | number)[]): void {
  const named = steps.slice(0, steps.findLastIndex((step) => typeof step === 'string') + 1)
  let value: JsonValue = detail
  for (const step of named) value = (value as Record<string | number, JsonValue>)[step] ?? null
  found.set(jsonPointer(named), {
    path: { steps: named, declared: 'detail' },
    name: String(named.at(-1)),
    value,
  })
}

/** A copy without what was found: the original is still needed when there is too much of it. */
function without(detail: JsonObject, found: readonly Found[]): JsonObject {
  const copy = structuredCopy(detail) as Record<string, JsonValue>
  for (const { path } of found) {
    let holder: JsonValue | undefined = copy
    for (const step of path.steps.slice(0, -1)) holder = (holder as Record<string | number, JsonValue>)[step]
    delete (holder as Record<string, JsonValue>)[String(path.steps.at(-1))]
  }
  return copy
}

function structuredCopy(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map(structuredCopy)
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, JsonValue> = {}
  for (const [name, member] of Object.entries(value)) {
    // Not by assignment: a member may be called __proto__.
    Object.defineProperty(copy, name, {
      value: structuredCopy(member),
      enumerable: true,
      configurable: true,
      writable: true,
    })
  }
  return copy
}

const commitmentBytes = 50

function bytesOf(detail: JsonObject, taken: readonly PersonalValue[]): number {
  const pointers = taken.reduce(
    (sum, { pointer }) => sum + JSON.stringify(pointer).length + commitmentBytes,
    0,
  )
  return new TextEncoder().encode(JSON.stringify(detail)).length + pointers
}

function takeAnchor(draft: Writable<AuditDraft>, pointer: string): JsonValue | undefined {
  const anchors = draft as unknown as Record<string, JsonValue | undefined>
  const [name = '', member] = pointer.split('.')
  const value = anchors[name]
  if (value === undefined) return undefined
  if (member === undefined) {
    // Nothing is known of nobody: an empty target is left as it is.
    if (value === '') return undefined
    delete anchors[name]
    return value
  }
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, member)) return undefined
  const { [member]: taken, ...rest } = value as JsonObject
  if (Object.keys(rest).length === 0) delete anchors[name]
  else anchors[name] = rest
  return taken
}

function subjectsOf(draft: AuditDraft, { pii_subjects = {}, pii_subject = 'target' }: PersonalMembers) {
  const { detail } = draft
  const anchors: Readonly<Record<string, JsonValue | undefined>> = {
    actor: draft.actor,
    target: draft.target,
    on_behalf_of: draft.on_behalf_of,
    session_id: draft.session_id,
  }
  const named = (
    member: string | undefined,
    steps: readonly (string | number)[] = [],
  ): string | undefined => {
    if (member === undefined) return undefined
    return textOf(
      member.startsWith('detail.') ? valueNear(detail, member.slice(7).split('.'), steps) : anchors[member],
    )
  }
  const fallback = named(pii_subject) ?? named('target') ?? draft.id
  return {
    fallback,
    ofDetail: ({ steps, declared }: Path): string =>
      named(pii_subjects[declared], steps) ?? named(pii_subject, steps) ?? fallback,
    ofAnchor: (pointer: string): string =>
      named(pii_subjects[pointer]) ??
      textOf(anchors[pointer]) ??
      (pointer.startsWith('source') ? named('actor') : undefined) ??
      fallback,
  }
}

/** The member that `names` lead to; through an array by the index that `steps` took there, or by the first item. */
function valueNear(
  value: JsonValue | undefined,
  names: readonly string[],
  steps: readonly (string | number)[],
): JsonValue | undefined {
  let here = value
  let isShared = true
  let at = 0
  for (const name of names) {
    while (Array.isArray(here)) {
      const step: string | number | undefined = isShared ? steps[at++] : undefined
      here = (here as readonly JsonValue[])[typeof step === 'number' ? step : 0]
    }
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, name)) return undefined
    isShared &&= steps[at] === name
    at++
    here = (here as JsonObject)[name]
  }
  return here
}

function textOf(value: JsonValue | undefined): string | undefined {
  if (typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' ? value : undefined
}
