// SPDX-License-Identifier: Apache-2.0
import type { Clock } from '../core/clock.ts'
import { FastenError } from '../core/error.ts'
import type { Reader } from '../reader/reader.ts'
import type { Output } from './output.ts'
import type { ShowScreen } from './screen.ts'
import type { Target } from './target.ts'

/** One option of a command. Parsing, `--help` and shell completion are all made from this. */
export interface OptionSpec {
  /** Long name without dashes, e.g. `request-id`. */
  readonly name: string
  /** One letter. */
  readonly short?: string
  /** Placeholder of the value, e.g. `<id>`; absent for a flag. */
  readonly value?: string
  readonly summary: string
  /** The only values allowed. */
  readonly choices?: readonly string[]
  /** Values a shell offers although others may be allowed. */
  readonly suggestions?: readonly string[]
  /** Smallest and largest whole number allowed; the value is any text when absent. */
  readonly range?: readonly [least: number, most: number]
  /** May be given several times. */
  readonly isRepeatable?: boolean
  /** Heading in `--help`; `Options` when absent. */
  readonly group?: string
  /** A shell offers file names for the value. */
  readonly isFile?: boolean
}

export interface ArgumentSpec {
  readonly name: string
  readonly summary: string
  readonly isRequired?: boolean
  /** Takes all remaining words; only the last argument may. */
  readonly isRepeatable?: boolean
  readonly choices?: readonly string[]
  readonly isFile?: boolean
}

/** What a command file exports, seen as one value. Files keep their heavy imports inside `run`, so `--help` stays quick. */
export interface Command {
  /** As typed after `fasten`, e.g. `tail` or `codes check`. */
  readonly name: string
  /** One line, lower case, no full stop. */
  readonly summary: string
  /** A paragraph below the usage line of `--help`. */
  readonly description?: string
  readonly words?: readonly ArgumentSpec[]
  readonly options: readonly OptionSpec[]
  /** Whole command lines, each with what it answers. */
  readonly examples?: readonly (readonly [commandLine: string, meaning: string])[]
  /** True for a command that has no end of its own and ends itself when the signal aborts. */
  readonly isLive?: boolean
  /** Resolves to an exit code of `exit-codes.ts`. Throws `FastenError` for what the user must hear in one line. */
  run(args: Args, world: World): Promise<number>
}

/** Everything a command may touch of the world; tests hand in their own. */
export interface World {
  readonly out: Output
  readonly err: Output
  readonly clock: Clock
  readonly env: Readonly<Record<string, string | undefined>>
  /** Absolute; what relative paths of the command line are relative to. */
  readonly cwd: string
  /** Aborts on Ctrl-C, on SIGTERM, and when whoever reads our output goes away. */
  readonly signal: AbortSignal
  /** The caller closes it. Throws `FastenError` when the target cannot be opened. */
  /** With `discloses`, personal values are shown; for those who have the key. */
  openReader(target: Target, discloses?: boolean): Promise<Reader>
  /** The terminal program, where it is the one that runs this; else it is looked for. */
  readonly showScreen?: ShowScreen | undefined
}

/** The parsed command line of one command. Names are the long names of its options. */
export interface Args {
  readonly words: readonly string[]
  /** The value of an option, or undefined when not given. */
  text(name: string): string | undefined
  /** All values of a repeatable option, in order. */
  list(name: string): readonly string[]
  flag(name: string): boolean
  /** The value of an option that has a range. */
  count(name: string): number | undefined
}

/** An error in the command line itself: exit code 2, one line. */
export function usageError(
  code: 'BAD_COMMAND' | 'BAD_OPTION' | 'BAD_ARGUMENT' | 'BAD_TERMINAL',
  message: string,
  about: { at?: string; hint?: string } = {},
): FastenError {
  return new FastenError(code, message, about)
}
