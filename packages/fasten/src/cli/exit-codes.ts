// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'

/** What a script learns from `$?`. Source: spec/cli.md#exit-codes. */
export const exitCodes = {
  /** The work was done. `verify`: PASS. `tail`: ended by Ctrl-C or SIGTERM. */
  ok: 0,
  /** The command ran and found something to act on: a failed check, drift, nothing under an id, no catalogue loaded. */
  findings: 1,
  /** The command line, or a file it names, cannot be used. */
  usage: 2,
  /** `verify`: the evidence is bad. */
  fail: 3,
  /** `verify`: the evidence does not suffice for a verdict. */
  incomplete: 4,
  /** The store or reader could not be asked: absent, locked, unreachable, credentials refused. */
  unreachable: 5,
  /** A bug of ours. */
  internal: 70,
  /** Stopped by Ctrl-C or a signal before the work was done. `tail` has no such end and answers 0. */
  interrupted: 130,
} as const

/** Families of errors that only another command line, environment or file can cure. */
const usageCodes = /^(?:BAD|QUERY|DSN|CONFIG|CATALOG)_|^(?:IMPORT_FAILED|ENV_FILE_UNREADABLE)$/

/** The exit code of a command that ended with this error. */
export function exitCodeOf(error: unknown): number {
  if (!(error instanceof FastenError)) return exitCodes.internal
  return usageCodes.test(error.code) ? exitCodes.usage : exitCodes.unreachable
}
