// SPDX-License-Identifier: Apache-2.0
import type { DigitRule, KeyClass } from './redact-keys.ts'
import { createNames } from './safe-value.ts'

/** What to do with an object that has these keys in this order: its members, sorted by the name they will have. */
export interface Plan {
  /** Names in the caller's object. */
  readonly sources: readonly string[]
  /** Names in the copy: well-formed, without secrets, each once, ascending by UTF-16 code units. */
  readonly names: readonly string[]
  readonly verdicts: readonly KeyClass['verdict'][]
  readonly digits: readonly DigitRule[]
  /** UTF-16 units of all names, with their quotes, colons and commas. */
  readonly chars: number
  readonly hasProto: boolean
  readonly hasToJson: boolean
}

/**
 * Remembers plans by the sequence of keys, in a tree with one step per key. Objects built by one piece of code have the same
 * keys in the same order, so sorting and judging their names costs one comparison per key from the second time on.
 * Holds at most 4,096 steps, then forgets all and starts again; objects with more than 64 keys, or giant keys, are planned each time.
 */
export function createShapes(
  judge: (key: string) => KeyClass,
  nameOf: (key: string) => string,
): (keys: readonly string[]) => Plan {
  let root: Step = newStep()
  let steps = 0

  return (keys) => {
    if (keys.length > keysRemembered) return planFor(keys)
    let step = root
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index] as string
      if (step.lastKey === key && step.lastStep !== undefined) {
        step = step.lastStep
        continue
      }
      let next = step.next?.get(key)
      if (next === undefined) {
        if (key.length > keyCharsRemembered) return planFor(keys)
        if (steps >= stepsRemembered) {
          root = newStep()
          steps = 0
          return planFor(keys)
        }
        steps++
        next = newStep()
        step.next ??= new Map()
        step.next.set(key, next)
      }
      step.lastKey = key
      step.lastStep = next
      step = next
    }
    return (step.plan ??= planFor(keys))
  }

  function planFor(keys: readonly string[]): Plan {
    const free = createNames()
    const members = keys.map((key) => ({ key, name: free(nameOf(key)), ...judge(key) }))
    members.sort((a, b) => (a.name < b.name ? -1 : 1))
    return {
      sources: members.map(({ key }) => key),
      names: members.map(({ name }) => name),
      verdicts: members.map(({ verdict }) => verdict),
      digits: members.map(({ digits }) => digits),
      chars: members.reduce((sum, { name }) => sum + name.length + 4, 0),
      hasProto: members.some(({ name }) => name === '__proto__'),
      hasToJson: keys.includes('toJSON'),
    }
  }
}

const keysRemembered = 64
const keyCharsRemembered = 128
const stepsRemembered = 4_096

interface Step {
  lastKey: string | undefined
  lastStep: Step | undefined
  next: Map<string, Step> | undefined
  plan: Plan | undefined
}

const newStep = (): Step => ({ lastKey: undefined, lastStep: undefined, next: undefined, plan: undefined })
