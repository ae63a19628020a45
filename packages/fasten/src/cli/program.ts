// SPDX-License-Identifier: Apache-2.0
import { FastenError } from '../core/error.ts'
import { didYouMean } from '../core/nearest-word.ts'
import { commandTable } from './command-table.ts'
import { usageError, type Command, type World } from './command.ts'
import { exitCodeOf, exitCodes } from './exit-codes.ts'
import type { ColourChoice } from './output.ts'
import { overview } from './overview.ts'
import { parse } from './parse.ts'
import { visible, visibleLines } from '../core/visible.ts'

/**
 * Runs one command line and answers its exit code. Never throws: what goes wrong becomes one line on `world.err`, with the
 * stack only where the fault is ours.
 */
export async function runProgram(words: readonly string[], world: World, version: string): Promise<number> {
  try {
    return await dispatch(words, world, version)
  } catch (error) {
    if (error instanceof FastenError) await world.err.line(visible(withHint(error).toLine()))
    else
      await world.err.line(
        visibleLines(`${internalError}: ${error instanceof Error ? error.stack : String(error)}`),
      )
    return exitCodeOf(error)
  }
}

const internalError = 'INTERNAL_ERROR'

/** What a person at this command line can do about errors that come from elsewhere without a remedy. */
const hints: Readonly<Record<string, string>> = {
  UNAUTHENTICATED: 'set FASTEN_READER_TOKEN to the token of the reader, or give --token',
  FORBIDDEN: 'ask whoever runs the reader for the permission audit:read',
}

function withHint(error: FastenError): FastenError {
  const hint = error.hint ?? hints[error.code]
  if (hint === undefined || error.hint !== undefined) return error
  return new FastenError(error.code, error.message, {
    hint,
    ...(error.at === undefined ? {} : { at: error.at }),
  })
}

/** What `--color` says, before any command is known: outputs exist earlier than commands. */
export function colourChoice(words: readonly string[]): ColourChoice {
  let choice: ColourChoice = 'auto'
  for (const [index, word] of words.entries()) {
    const value = word === '--color' ? words[index + 1] : /^--color=(.*)$/.exec(word)?.[1]
    if (word === '--no-color') choice = 'never'
    else if (value === 'auto' || value === 'always' || value === 'never') choice = value
  }
  return choice
}

async function dispatch(words: readonly string[], world: World, version: string): Promise<number> {
  const [first, second] = words
  if (first === undefined) {
    await world.err.lines(await overview(version, undefined, world.err.look))
    return exitCodes.usage
  }
  if (first === '--version' || first === '-V' || first === 'version') {
    await world.out.line(version)
    return exitCodes.ok
  }
  if (first === '--help' || first === '-h') return help([], world, version)
  if (first === 'help') return help(words.slice(1), world, version)
  const name = nameOf(first, second)
  if (isGroup(name) && (second === undefined || second === '--help' || second === '-h')) {
    if (second !== undefined) return help([name], world, version)
    await world.err.lines(await overview(version, name, world.err.look))
    return exitCodes.usage
  }
  const command = await load(name, first, second)
  return run(command, words.slice(name.split(' ').length), world)
}

async function help(words: readonly string[], world: World, version: string): Promise<number> {
  const [first, second] = words
  const name = first === undefined ? undefined : nameOf(first, second)
  if (name === undefined || isGroup(name)) {
    await world.out.lines(await overview(version, name, world.out.look))
    return exitCodes.ok
  }
  return run(await load(name, first ?? '', second), ['--help'], world)
}

async function run(command: Command, words: readonly string[], world: World): Promise<number> {
  const spelt = command.options.some(({ name }) => name === 'not') ? excluding(words) : words
  const parsed = await parse(command, spelt.map(dashed), world.out.look.columns ?? 100)
  if (parsed.kind === 'help') {
    await world.out.write(parsed.text)
    return exitCodes.ok
  }
  const running = command.run(parsed.args, world)
  return command.isLive ? running : Promise.race([running, interrupted(world.signal)])
}

/** Options may be spelt as the wire spells them: `--request_id` is `--request-id`, `--no-color` is `--color=never`. */
function dashed(word: string): string {
  if (word === '--no-color') return '--color=never'
  const name = /^--[A-Za-z][\w-]*/.exec(word)?.[0]
  return name === undefined ? word : name.replaceAll('_', '-') + word.slice(name.length)
}

/** `-field:value` leaves rows out wherever filters are taken, though it looks like an option: it is `--not field:value`. */
function excluding(words: readonly string[]): readonly string[] {
  const end = words.includes('--') ? words.indexOf('--') : words.length
  return words.map((word, at) =>
    at < end && /^-[A-Za-z_]{2,}:\S+$/.test(word) ? `--not=${word.slice(1)}` : word,
  )
}

/** Reading changes nothing, so an interrupted command is simply left. A closed pipe is not an interruption. */
function interrupted(signal: AbortSignal): Promise<number> {
  return new Promise((resolve) => {
    const stop = (): void => {
      if (signal.reason !== 'closed') resolve(exitCodes.interrupted)
    }
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
  })
}

function nameOf(first: string, second: string | undefined): string {
  const both = `${first} ${second ?? ''}`
  return Object.hasOwn(commandTable, both) ? both : first
}

function isGroup(name: string): boolean {
  return (
    !Object.hasOwn(commandTable, name) &&
    Object.keys(commandTable).some((each) => each.startsWith(`${name} `))
  )
}

async function load(name: string, first: string, second: string | undefined): Promise<Command> {
  const loader = Object.hasOwn(commandTable, name) ? commandTable[name] : undefined
  if (loader !== undefined) return loader()
  if (first.startsWith('-')) {
    throw usageError('BAD_OPTION', `unknown option '${first}'`, {
      hint: 'a command comes first; see fasten --help',
    })
  }
  const isWithin = isGroup(name)
  const typed = isWithin ? `${first} ${second ?? ''}` : first
  const known = [...Object.keys(commandTable), 'help', 'version']
  throw usageError('BAD_COMMAND', `unknown command '${typed}'${didYouMean(typed, known)}`, {
    hint: 'see fasten --help',
  })
}
