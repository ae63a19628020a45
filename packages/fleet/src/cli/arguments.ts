// SPDX-License-Identifier: Apache-2.0
import { InvalidArgumentError } from 'commander'

/** A whole number within bounds, as commander parses options. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : NaN
    if (!(value >= min && value <= max))
      throw new InvalidArgumentError(`give a whole number, ${min} to ${max}.`)
    return value
  }
}

export function oneOf<T extends string>(allowed: readonly T[]): (text: string) => T {
  return (text) => {
    const found = allowed.find((each) => each === text)
    if (found === undefined) throw new InvalidArgumentError(`give one of ${allowed.join(', ')}.`)
    return found
  }
}

/** For options that can be given several times. */
export function severalOf<T extends string>(
  allowed: readonly T[],
): (text: string, before?: readonly T[]) => readonly T[] {
  const one = oneOf(allowed)
  return (text, before = []) => [...before, one(text)]
}
