// SPDX-License-Identifier: Apache-2.0
import { isCardNumber } from './redact-cards.ts'
import type { DigitRule } from './redact-keys.ts'
import {
  countBit,
  digitBits,
  digitRules,
  keysRemembered,
  type Context,
  type PlannedMember,
  type Shapes,
  type Step,
} from './redact-shapes.ts'
import type { JsonValue } from './row.ts'
import { plainForm, unreadable } from './safe-value.ts'

export interface WalkRules {
  readonly shapes: Shapes
  textOf(text: string, digits: DigitRule): string
  proseOf(text: string, digits: DigitRule): string
  readonly replacement: string
  /** Bytes that the JSON text of one value may have. */
  readonly bytesMax: number
}

export interface Walked {
  /** Undefined for what has no JSON form at all. Incomplete when `isOver`. */
  readonly value: JsonValue | undefined
  /** More than `bytesMax` bytes were seen; `bytesAtLeast` says how many when the walk gave up. */
  readonly isOver: boolean
  readonly bytesAtLeast: number
  readonly bytesAtMost: number
}

const depthMax = 32
/** More than any limit has room for, so that a Map or Set that is cut here is over the limit for certain. */
const entriesMax = 32_768

/** The account of one walk. */
interface State {
  /** Bytes that may still be spent. What is spent is never more than the JSON text really has; below zero the walk has given up. */
  left: number
  /** Numbers met: their text is longer than what was spent for them. */
  numbers: number
  depth: number
  isStackKept: boolean
  /** True when something was put on Object.prototype, which `for…in` would take for members. */
  isPolluted: boolean
  /** The caller's objects from the root to here. */
  readonly ancestors: unknown[]
  /** Values of the objects being copied, between reading and sorting; `top` is the first free place. */
  readonly given: unknown[]
  top: number
}

/**
 * The one walk: copies, redacts, makes safe and sorts. Throws only when the stack is exhausted.
 *
 * A member is read once, while its object is enumerated: `for…in` reads by the shape's own table, several times faster than
 * looking each key up. Reading may run the caller's code (a getter, a proxy, `toJSON`), and that may emit a row of
 * its own; a walk inside a walk therefore gets an account of its own.
 */
export function createWalk(rules: WalkRules): (value: unknown, isStackKept: boolean) => Walked {
  const { shapes, textOf, proseOf, replacement, bytesMax } = rules
  const shared = newState()
  let isBusy = false

  return (value, isStackKept) => {
    const state = isBusy ? newState() : shared
    const wasBusy = isBusy
    isBusy = true
    state.left = bytesMax
    state.numbers = 0
    state.depth = 0
    state.top = 0
    state.isStackKept = isStackKept
    state.isPolluted = isPrototypePolluted()
    try {
      const result = any(value, state, 0)
      const spent = bytesMax - state.left
      // An escaped control character takes six bytes for one, a number up to 24.
      return {
        value: result,
        isOver: state.left < 0,
        bytesAtLeast: spent,
        bytesAtMost: spent * 6 + state.numbers * 24,
      }
    } finally {
      isBusy = wasBusy
      // A walk that gave up left values behind; nothing of the caller's may be kept alive by the account.
      if (state.left < 0 || state.depth > 0) forget(state)
    }
  }

  function any(value: unknown, state: State, context: Context): JsonValue | undefined {
    if (typeof value === 'string') return text(value, state, context)
    if (typeof value === 'number') return number(value, state, context)
    if (typeof value === 'object' && value !== null) return object(value, state, context)
    return rare(value, state, context)
  }

  function text(value: string, state: State, context: Context): string {
    // A text beyond the limit is not searched: the whole object is going to be replaced.
    if ((state.left -= value.length + 2) < 0) return value
    if ((context & countBit) !== 0 && !numeric.test(value)) return replacement
    return textOf(value, digitRules[context & digitBits] as DigitRule)
  }

  function number(value: number, state: State, context: Context): JsonValue {
    state.left -= 1
    state.numbers++
    // -0 is 0 in JSON. NaN compares false and falls through to its name.
    if (value < 1e12) return value === 0 ? 0 : value === -Infinity ? '-Infinity' : value
    if (value > Number.MAX_SAFE_INTEGER || !Number.isInteger(value))
      return Number.isFinite(value) ? value : String(value)
    const digits = digitRules[context & digitBits] as DigitRule
    return isCardNumber(String(value), digits) ? textOf(String(value), digits) : value
  }

  function rare(value: unknown, state: State, context: Context): JsonValue | undefined {
    if (value === undefined) return undefined
    if (typeof value === 'bigint') return text(value.toString(), state, context)
    if (typeof value === 'function') return mark('[function]', state)
    if (typeof value === 'symbol') return mark('[symbol]', state)
    state.left -= 4
    return value as boolean | null
  }

  function mark(value: string, state: State): string {
    state.left -= value.length + 2
    return value
  }

  function object(value: object, state: State, context: Context): JsonValue | undefined {
    const { ancestors, depth } = state
    if (depth > depthMax) return mark('[depth]', state)
    for (let above = 0; above < depth; above++)
      if (ancestors[above] === value) return mark('[circular]', state)
    ancestors[depth] = value
    state.depth = depth + 1
    let copy: JsonValue | undefined
    try {
      if (Array.isArray(value)) copy = array(value, state, context)
      else if (!hasPlainPrototype(value)) copy = exotic(value, state, context)
      else copy = state.isPolluted ? careful(value, state, context) : plain(value, state, context)
    } catch {
      // Only a proxy's traps can throw here; what they threw may be hostile and is not looked at.
      copy = mark(unreadable, state)
    }
    state.depth = depth
    ancestors[depth] = undefined
    return copy
  }

  /** An object of a remembered shape: its values are put aside as they come and copied in the order of their names. */
  function plain(source: object, state: State, context: Context): JsonValue | undefined {
    const { given, top } = state
    let step: Step | undefined = shapes.start()
    let end = top
    try {
      for (const key in source) {
        step = step.lastKey === key ? step.lastStep : shapes.after(step, key)
        if (step === undefined || end - top === keysRemembered) return careful(source, state, context)
        given[end++] = (source as Record<string, unknown>)[key]
      }
    } catch {
      // A getter threw: the careful way reads the others all the same.
      return careful(source, state, context)
    }
    const plan = (step.plan ??= shapes.planFor(Object.keys(source)))
    if (plan.hasToJson) return exotic(source, state, context)
    const { members } = plan
    const copy: Record<string, JsonValue> = {}
    state.top = end
    state.left -= plan.chars + 1
    for (let index = 0; index < members.length; index++) {
      const member = members[index] as PlannedMember
      const value = given[top + member.from]
      given[top + member.from] = undefined
      put(copy, member, value, state, context)
      if (state.left < 0) break
    }
    state.top = top
    return copy
  }

  /** A plain object that is large, or of which reading a member threw. */
  function careful(source: object, state: State, context: Context): JsonValue | undefined {
    return Object.hasOwn(source, 'toJSON')
      ? exotic(source, state, context)
      : dictionary(source, state, context)
  }

  /** An object of any size and kind, planned for this once; each member is read when its turn comes. */
  function dictionary(source: object, state: State, context: Context): JsonValue {
    const keys = Object.keys(source)
    const copy: Record<string, JsonValue> = {}
    // Keys that are too many for the limit are not even planned: judging a name costs more than copying a member.
    if (keys.reduce((left, key) => left - key.length - 4, state.left) < 0) {
      state.left = -1
      return copy
    }
    const plan = shapes.planFor(keys)
    state.left -= plan.chars + 1
    for (const member of plan.members) {
      put(copy, member, read(source, member.key), state, context)
      if (state.left < 0) break
    }
    return copy
  }

  function put(
    copy: Record<string, JsonValue>,
    member: PlannedMember,
    value: unknown,
    state: State,
    context: Context,
  ): void {
    const { name } = member
    const safe =
      member.isSecret && value !== undefined
        ? mark(replacement, state)
        : any(value, state, (context & member.mask) | member.bits)
    if (safe === undefined) state.left += name.length + 4
    else if (name === '__proto__') {
      Object.defineProperty(copy, name, { value: safe, enumerable: true, configurable: true, writable: true })
    } else copy[name] = safe
  }

  function array(source: readonly unknown[], state: State, context: Context): JsonValue {
    const copy: JsonValue[] = []
    // A proxy may answer anything for its length; then there is nothing to copy, or more than fits.
    const { length } = source
    state.left -= 1
    for (let index = 0; index < length; index++) {
      const item = any(read(source, index), state, context)
      state.left -= item === undefined ? 5 : 1
      if (state.left < 0) break
      copy.push(item ?? null)
    }
    return copy
  }

  /** Neither an array nor a plain object, or one with `toJSON`: its stand-in is walked instead. */
  function exotic(value: object, state: State, context: Context): JsonValue | undefined {
    let form: object = value
    // A stand-in may be such a value again (`toJSON` answering a Map); a chain of them must end.
    for (let round = 0; round < 4; round++) {
      const next = plainForm(form, {
        prose: (sentence) => proseOf(sentence, 'text'),
        isStackKept: state.isStackKept,
        entriesMax,
      })
      if (typeof next !== 'object' || next === null) return any(next, state, context)
      if (Array.isArray(next)) return array(next, state, context)
      const isSettled = next === form || hasPlainPrototype(next)
      form = next
      if (isSettled) break
    }
    return dictionary(form, state, context)
  }
}

const numeric = /^-?\d{1,15}(?:\.\d{1,15})?$/

const newState = (): State => ({
  left: 0,
  numbers: 0,
  depth: 0,
  isStackKept: false,
  isPolluted: false,
  ancestors: [],
  given: [],
  top: 0,
})

function forget(state: State): void {
  state.ancestors.length = 0
  state.given.length = 0
  state.depth = 0
}

function hasPlainPrototype(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

const bare: object = {}

function isPrototypePolluted(): boolean {
  // What it inherits is the question, so nothing is filtered.
  for (const _name in bare) return true
  return false
}

function read(source: object, key: string | number): unknown {
  try {
    return (source as Record<string | number, unknown>)[key]
  } catch {
    // A getter or a proxy threw.
    return unreadable
  }
}
