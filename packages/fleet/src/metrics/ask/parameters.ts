// SPDX-License-Identifier: Apache-2.0
import { parseTime } from 'fasten/core'
import { z } from 'zod'
import { Problem } from '../../web/problem.ts'
import type { RangeAsked } from './range.ts'

const name = z.string().max(256)

/** One name, or several. */
export const names = z
  .union([name, z.array(name).max(100)])
  .transform((given) => (Array.isArray(given) ? given : [given]))
  .optional()

/** What every question about numbers may say of time. */
export const times = {
  /** As everywhere: RFC 3339, a date, or relative such as `-2h`. Default an hour before `until`. */
  since: z.string().max(64).optional(),
  until: z.string().max(64).optional(),
  /** `60`, `5m`, `1h`, `1d`; without it there is one answer for the whole range. */
  step: z
    .string()
    .regex(/^\d{1,7}[smhd]?$/, 'is a number of seconds, or one with m, h or d')
    .optional(),
  /** `previous`, or the time at which a range of the same length begins. */
  compare: z.string().max(64).optional(),
}

/** One of these, or several between commas. */
export const groupsOf = <const N extends readonly string[]>(known: N) =>
  z
    .string()
    .max(256)
    .transform((text) => text.split(',').filter((part) => part !== ''))
    .pipe(z.array(z.enum(known)).max(known.length))
    .transform((given) => (known as readonly N[number][]).filter((one) => given.some((each) => each === one)))
    .optional()

export interface TimesGiven {
  readonly since?: string | undefined
  readonly until?: string | undefined
  readonly step?: string | undefined
  readonly compare?: string | undefined
}

/** The ranges that are meant. Throws `Problem` 422 for a time that is none, an empty range, and more steps than 1500. */
export function rangesAsked(
  given: TimesGiven,
  nowMicros: number,
): { readonly range: RangeAsked; readonly compared: RangeAsked | undefined } {
  const time = (parameter: 'since' | 'until' | 'compare', text: string): number => {
    const micros = parseTime(text, nowMicros)
    if (micros === undefined || micros < 0 || micros > endOfTime)
      throw wrong(`${parameter} is no time: ${JSON.stringify(text)}`)
    return micros
  }
  const untilMicros = time('until', given.until ?? 'now')
  const until = Math.ceil(untilMicros / 1e6)
  const since =
    given.since === undefined ? Math.max(0, until - 3600) : Math.floor(time('since', given.since) / 1e6)
  if (since >= until) throw wrong('since has to be before until')
  const step = given.step === undefined ? undefined : secondsOf(given.step)
  if (step !== undefined && (until - since) / step > stepsMax)
    throw wrong(`this is more than ${stepsMax} steps; ask for wider ones`)
  const range = { since, until, step }
  if (given.compare === undefined) return { range, compared: undefined }
  const length = until - since
  const from =
    given.compare === 'previous' ? since - length : Math.floor(time('compare', given.compare) / 1e6)
  if (from < 0) throw wrong('the range to compare with begins before 1970')
  return { range, compared: { since: from, until: from + length, step: undefined } }
}

const stepsMax = 1500
/** The first microsecond after the year 9999. */
const endOfTime = 253_402_300_800_000_000

function secondsOf(text: string): number {
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[text.at(-1) ?? ''] ?? 1
  const seconds = Number.parseInt(text, 10) * unit
  if (seconds === 0 || seconds % 60 !== 0) throw wrong('step is a whole number of minutes')
  return seconds
}

const wrong = (why: string): Problem => new Problem(422, 'QUERY_VALUE', why)
