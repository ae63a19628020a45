// SPDX-License-Identifier: Apache-2.0
import type { KeyClass } from './redact-keys.ts'
import { createNames } from './safe-value.ts'

/**
 * What the names above a value say about it, as bits: the place of a rule in `digitRules`, and whether a name counts (then
 * text is replaced).
 */
export type Context = number
export const digitRules = ['text', 'identifier', 'card', 'never'] as const
export const digitBits = 3
export const countBit = 4

/** What to do with one member of an object of a known shape. */
export interface PlannedMember {
  /** Its place among the keys of the caller's object. */
  readonly from: number
  /** Its key there. */
  readonly key: string
  /** Its name in the copy: well-formed, without secrets, unlike its neighbours'. */
  readonly name: string
  readonly isSecret: boolean
  /** Its value's context is `(context of the object & mask) | bits`: a name that says nothing passes on what is said above it. */
  readonly mask: Context
  readonly bits: Context
}

/** What to do with an object that has certain keys in a certain order. */
export interface Plan {
  /** Ascending by name, in UTF-16 code units. */
  readonly members: readonly PlannedMember[]
  /** UTF-16 units of all names with their quotes and colons, and a comma each. */
  readonly chars: number
  readonly hasToJson: boolean
}

/** One key further into the tree of shapes. The last way out is kept at hand: most objects come from a few lines of code. */
export interface Step {
  lastKey: string | undefined
  lastStep: Step | undefined
  readonly next: Map<string, Step>
  plan: Plan | undefined
}

export interface Shapes {
  /** Where every object begins. */
  start(): Step
  /** The step after `key`, or undefined when it is not worth remembering. */
  after(step: Step, key: string): Step | undefined
  /** The plan for these keys, built anew. */
  planFor(keys: readonly string[]): Plan
}

/**
 * Remembers plans by the sequence of keys, in a tree with one step per key. Objects built by one piece of code have the same
 * keys in the same order, so sorting and judging their names costs one comparison per key from the second time on.
 * Holds at most 4,096 steps, then forgets all and starts again.
 */
export function createShapes(judge: (key: string) => KeyClass, nameOf: (key: string) => string): Shapes {
  let root = newStep()
  let steps = 0

  return {
    start: () => root,
    after(step, key) {
      let next = step.next.get(key)
      if (next === undefined) {
        if (key.length > keyCharsRemembered) return undefined
        if (steps >= stepsRemembered) {
          root = newStep()
          steps = 0
          return undefined
        }
        steps++
        next = newStep()
        step.next.set(key, next)
      }
      step.lastKey = key
      step.lastStep = next
      return next
    },
    planFor(keys) {
      const free = createNames()
      const members = keys.map((key, from) => memberOf(key, from, free(nameOf(key)), judge(key)))
      members.sort((a, b) => (a.name < b.name ? -1 : 1))
      return {
        members,
        chars: members.reduce((sum, { name }) => sum + name.length + 4, 0),
        hasToJson: keys.includes('toJSON'),
      }
    },
  }
}

/** Objects with more keys than this are dictionaries: their plan is made each time. */
export const keysRemembered = 64
const keyCharsRemembered = 128
const stepsRemembered = 4_096

const newStep = (): Step => ({ lastKey: undefined, lastStep: undefined, next: new Map(), plan: undefined })

function memberOf(key: string, from: number, name: string, { verdict, digits }: KeyClass): PlannedMember {
  const rule = digitRules.indexOf(digits)
  return {
    from,
    key,
    name,
    isSecret: verdict === 'secret',
    mask: rule === 0 ? digitBits | countBit : countBit,
    bits: rule | (verdict === 'count' ? countBit : 0),
  }
}
