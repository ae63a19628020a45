// SPDX-License-Identifier: Apache-2.0
import type { Level } from 'fasten/core'

const levelOfName: Readonly<Record<string, Level>> = {
  trace: 'debug',
  silly: 'debug',
  finest: 'debug',
  finer: 'debug',
  fine: 'debug',
  verbose: 'debug',
  debug: 'debug',
  config: 'info',
  http: 'info',
  data: 'info',
  default: 'info',
  info: 'info',
  information: 'info',
  informational: 'info',
  notice: 'info',
  success: 'info',
  warn: 'warn',
  warning: 'warn',
  err: 'error',
  error: 'error',
  severe: 'error',
  failure: 'error',
  crit: 'fatal',
  critical: 'fatal',
  alert: 'fatal',
  emerg: 'fatal',
  emergency: 'fatal',
  panic: 'fatal',
  dpanic: 'fatal',
  fatal: 'fatal',
}

/** The level that a logger means by a word, in any case; undefined for one that is none. */
export function levelOfWord(word: string): Level | undefined {
  const name = word.length > 16 ? '' : word.trim().toLowerCase()
  return Object.hasOwn(levelOfName, name) ? levelOfName[name] : undefined
}

/** pino and bunyan count 10 trace, 20 debug, 30 info, 40 warn, 50 error, 60 fatal; own levels lie between. */
export function levelOfTens(level: number): Level {
  if (level < 30) return 'debug'
  if (level < 40) return 'info'
  if (level < 50) return 'warn'
  return level < 60 ? 'error' : 'fatal'
}

/** Syslog: 0 emergency, 1 alert, 2 critical, 3 error, 4 warning, 5 notice, 6 info, 7 debug. */
export function levelOfSyslog(priority: number): Level {
  if (priority <= 2) return 'fatal'
  if (priority === 3) return 'error'
  if (priority === 4) return 'warn'
  return priority <= 6 ? 'info' : 'debug'
}

/** OpenTelemetry's log data model: 1 to 4 trace, 5 debug, 9 info, 13 warn, 17 error, 21 fatal, four of each; undefined for others. */
export function levelOfOtel(number: number): Level | undefined {
  if (number < 1 || number > 24) return undefined
  if (number < 9) return 'debug'
  if (number < 13) return 'info'
  if (number < 17) return 'warn'
  return number < 21 ? 'error' : 'fatal'
}
