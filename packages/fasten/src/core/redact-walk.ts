// SPDX-License-Identifier: Apache-2.0
import { isCardNumber } from './redact-cards.ts'
import type { DigitRule } from './redact-keys.ts'
import type { Plan } from './redact-shapes.ts'
import type { JsonValue } from './row.ts'
import { plainForm, unreadable } from './safe-value.ts'

export interface WalkRules {
  planOf(keys: readonly string[]): Plan
  textOf(text: string, digits: DigitRule): string
  proseOf(text: string, digits: DigitRule): string
  readonly replacement: string
}

/** The account of one walk. */
export interface WalkState {
  /** Bytes that may still be spent: what is spent is never more than the JSON text really has. Below zero the walk has given up. */
  left: number
  /** Numbers met; their text is longer than what was spent for them. */
  numbers: number
  readonly isStackKept: boolean
  /** The caller's objects from the root to here. */
  readonly ancestors: object[]
}

export const depthMax = 32
const entriesMax = 20_000

/**
 * The one walk: copies, redacts, makes safe and sorts. Undefined stands for a member to leave out. When `state.left` is below
 * zero afterwards the answer is incomplete and must be thrown away. Does not throw except when the stack is exhausted.
 */
export function createWalk(rules: WalkRules): (value: unknown, state: WalkState) => JsonValue | undefined {
  const { planOf, textOf, proseOf, replacement } = rules

  return (value, state) => any(value, state, 0, 'text', false)

  function any(value: unknown, state: WalkState, depth: number, digits: DigitRule, isCount: boolean): JsonValue | undefined {
    switch (typeof value) {
      case 'string':
        return text(value, state, digits, isCount)
      case 'number':
        state.left -= 1
        state.numbers++
        return number(value, digits)
      case 'boolean':
        state.left -= 4
        return value
      case 'object':
        if (value !== null) return object(value, state, depth, digits, isCount)
        state.left -= 4
        return null
      case 'bigint':
        return text(value.toString(), state, digits, isCount)
      case 'undefined':
        return undefined
      case 'function':
        return text('[function]', state, 'never', false)
      default:
        return text('[symbol]', state, 'never', false)
    }
  }

  function text(value: string, state: WalkState, digits: DigitRule, isCount: boolean): string {
    state.left -= value.length + 2
    // A text beyond the limit is not searched: the whole object is going to be replaced.
    if (state.left < 0) return value
    return isCount && !numeric.test(value) ? replacement : textOf(value, digits)
  }

  function number(value: number, digits: DigitRule): JsonValue {
    if (value < 1e12) {
      // NaN compares false, so it ends up below; -0 is 0 in JSON.
      return value === 0 ? 0 : value === -Infinity ? '-Infinity' : value
    }
    if (value <= Number.MAX_SAFE_INTEGER) {
      return Number.isInteger(value) && isCardNumber(String(value), digits) ? textOf(String(value), digits) : value
    }
    return Number.isFinite(value) ? value : String(value)
  }

  function object(value: object, state: WalkState, depth: number, digits: DigitRule, isCount: boolean): JsonValue | undefined {
    if (depth > depthMax) return text('[depth]', state, 'never', false)
    const { ancestors } = state
    for (let above = 0; above < depth; above++) if (ancestors[above] === value) return text('[circular]', state, 'never', false)
    ancestors[depth] = value
    try {
      if (Array.isArray(value)) return array(value, state, depth, digits, isCount)
      const prototype: unknown = Object.getPrototypeOf(value)
      if (prototype === Object.prototype || prototype === null) {
        const plan = planOf(Object.keys(value))
        if (!plan.hasToJson) return members(value, plan, state, depth, digits, isCount)
      }
      return exotic(value, state, depth, digits, isCount)
    } catch {
      // Only a proxy's traps and array-likes can throw here; what they threw may be hostile and is not looked at.
      return text(unreadable, state, 'never', false)
    }
  }

  function members(
    source: object, plan: Plan, state: WalkState, depth: number, digits: DigitRule, isCount: boolean,
  ): JsonValue {
    const { sources, names, verdicts } = plan
    const copy: Record<string, JsonValue> = {}
    state.left -= 1
    for (let index = 0; index < sources.length; index++) {
      let member: JsonValue | undefined
      const given = read(source, sources[index] as string)
      const verdict = verdicts[index]
      const name = names[index] as string
      if (given === undefined) continue
      state.left -= name.length + 4
      if (verdict === 'secret') {
        state.left -= replacement.length + 2
        member = replacement
      } else {
        const own = plan.digits[index] as DigitRule
        member = any(given, state, depth + 1, own === 'text' ? digits : own, isCount || verdict === 'count')
      }
      if (state.left < 0) return copy
      if (member === undefined) continue
      if (plan.hasProto && name === '__proto__') {
        Object.defineProperty(copy, name, { value: member, enumerable: true, configurable: true, writable: true })
      } else copy[name] = member
    }
    return copy
  }

  function array(source: readonly unknown[], state: WalkState, depth: number, digits: DigitRule, isCount: boolean): JsonValue {
    const copy: JsonValue[] = []
    const length = Number(source.length)
    state.left -= 1
    for (let index = 0; index < length; index++) {
      const item = any(read(source, index), state, depth + 1, digits, isCount)
      state.left -= item === undefined ? 5 : 1
      if (state.left < 0) return copy
      copy.push(item ?? null)
    }
    return copy
  }

  /** Neither an array nor a plain object: its stand-in is walked instead. */
  function exotic(value: object, state: WalkState, depth: number, digits: DigitRule, isCount: boolean): JsonValue | undefined {
    let form: unknown = value
    // A stand-in may be such a value again (`toJSON` answering a Map); a chain of them must end.
    for (let round = 0; round < 4; round++) {
      const next = plainForm(form as object, {
        prose: (sentence) => proseOf(sentence, 'text'), isStackKept: state.isStackKept, entriesMax,
      })
      const isSame = next === form
      form = next
      if (typeof form !== 'object' || form === null) return any(form, state, depth, digits, isCount)
      if (isSame || isPlain(form)) break
    }
    if (Array.isArray(form)) return array(form, state, depth, digits, isCount)
    return members(form as object, planOf(Object.keys(form as object)), state, depth, digits, isCount)
  }
}

const numeric = /^-?\d{1,15}(?:\.\d{1,15})?$/

function isPlain(value: object): boolean {
  if (Array.isArray(value)) return true
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function read(source: object, key: string | number): unknown {
  try {
    return (source as Record<string | number, unknown>)[key]
  } catch {
    // A getter or a proxy threw.
    return unreadable
  }
}
