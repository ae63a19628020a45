// SPDX-License-Identifier: Apache-2.0
import { levels, type Level } from '../core/row.ts'

/** Structured members of a log line; anything, made safe and redacted before it is kept. */
export type LogFields = { readonly [key: string]: unknown }

/**
 * One level's call. Event first (`log.info('user_created', {id})`), or fields first as pino's users are used to
 * (`log.info({id}, 'user created')`), or an error (`log.error(err, 'while saving')`). Never throws.
 */
export interface LogCall {
  (event: string, fields?: LogFields | Error): void
  (fields: LogFields | Error, message?: string): void
}

export interface Logger extends Readonly<Record<Level, LogCall>> {
  /** Lines below are not made at all; `silent` makes none. May be changed at any time; children keep their own. */
  level: Level | 'silent'
  isLevelEnabled(level: Level): boolean
  /** A logger that adds `fields` to each line. A member named `logger` becomes the line's logger name. */
  child(fields: LogFields): Logger
}

export interface LogLine {
  readonly level: Level
  readonly event: string
  readonly fields: unknown
  readonly logger: string | undefined
}

const noop: LogCall = () => {}

/** A logger whose lines go to `record`. */
export function createLogger(level: Level | 'silent', record: (line: LogLine) => void): Logger {
  return loggerWith(level, record, undefined, undefined)
}

function loggerWith(
  initial: Level | 'silent',
  record: (line: LogLine) => void,
  bound: LogFields | undefined,
  name: string | undefined,
): Logger {
  let current = initial
  const calls = Object.fromEntries(
    levels.map((level) => [level, callFor(level, record, bound, name)]),
  ) as Record<Level, LogCall>
  const isEnabled = (level: Level): boolean =>
    current !== 'silent' && levels.indexOf(level) >= levels.indexOf(current)

  const logger = {
    get level() {
      return current
    },
    set level(next: Level | 'silent') {
      if (next !== 'silent' && !levels.includes(next))
        throw new TypeError(`"${next as string}" is no level; levels are ${levels.join(', ')} and silent`)
      current = next
      decide()
    },
    isLevelEnabled: isEnabled,
    child(fields: LogFields) {
      const { logger: childName, ...rest } = fields
      return loggerWith(
        current,
        record,
        { ...bound, ...rest },
        typeof childName === 'string' ? childName : name,
      )
    },
  } as Logger & Record<Level, LogCall>

  /** Decided once per change instead of at each line: a disabled level is a call of nothing. */
  function decide(): void {
    for (const level of levels) logger[level] = isEnabled(level) ? calls[level] : noop
  }
  decide()
  return logger
}

function callFor(
  level: Level,
  record: (line: LogLine) => void,
  bound: LogFields | undefined,
  logger: string | undefined,
): LogCall {
  return (first: unknown, second?: unknown) => {
    const isEventFirst = typeof first === 'string'
    const event = isEventFirst
      ? first
      : typeof second === 'string'
        ? second
        : first instanceof Error
          ? first.name
          : 'log'
    record({ level, event, fields: merged(bound, isEventFirst ? second : first), logger })
  }
}

function merged(bound: LogFields | undefined, given: unknown): unknown {
  const own = given instanceof Error ? { err: given } : given
  if (bound === undefined) return own ?? {}
  if (own === undefined || own === null) return bound
  return typeof own === 'object' ? { ...bound, ...own } : { ...bound, value: own }
}
